# Debian packages: dogwatch-agent, dogwatch-collector, dogwatch-tools. Made by tools/package.sh.
#
# Idea: a component is a package. What belongs below /etc, and what only a Debian system wants, is left out of an ordinary
# `cmake --install` (EXCLUDE_FROM_ALL), so that this never writes outside its prefix.
set(DW_PACKAGE_RELEASE 1 CACHE STRING "what stands behind the version of a Debian package; count it up to build the same version again")
set(DW_PACKAGE_CONTACT "dogwatch maintainers <maintainers@localhost>" CACHE STRING "who answers for the packages: whoever gives them away says it here")
set(here ${CMAKE_CURRENT_LIST_DIR})
set(made ${CMAKE_BINARY_DIR}/debian)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL agent collector tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_NAME dogwatch)
set(CPACK_PACKAGE_VENDOR dogwatch)
set(CPACK_PACKAGE_CONTACT ${DW_PACKAGE_CONTACT})
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_SOURCE_DIR}/build/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${DW_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(version "${PROJECT_VERSION}-${DW_PACKAGE_RELEASE}")

set(CPACK_COMPONENT_AGENT_DESCRIPTION "container log shipper that accounts for every byte
Tails logs of docker, CRI and podman containers and of files, turns each line
into an ECS event and frames it in a signed hash chain, for a collector on
this host or, by Apache Kafka, on another.")
set(CPACK_DEBIAN_AGENT_PACKAGE_DEPENDS "adduser, ca-certificates, tzdata")
set(CPACK_DEBIAN_AGENT_PACKAGE_RECOMMENDS "dogwatch-tools (= ${version})")
set(CPACK_COMPONENT_COLLECTOR_DESCRIPTION "SIEM collector: archive, Sigma rules, correlations, alerts
Archives every event that dogwatch agents send, runs Sigma rules,
correlations and detectors over them, and raises alerts with the log lines
that prove them. Serves a console and an HTTP API on loopback.")
set(CPACK_DEBIAN_COLLECTOR_PACKAGE_DEPENDS "adduser, ca-certificates, tzdata, dogwatch-tools (= ${version})")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "dogwatch command line, and the rules that dogwatch ships
Alerts, queries, ledger, evidence and policies of a dogwatch collector on the
command line; checks of configurations and rules; and the shipped rules.
With agent and collector beside it, 'dogwatch up' runs both.")
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS tzdata)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SUGGESTS "dogwatch-agent (= ${version}), dogwatch-collector (= ${version})")

file(WRITE ${made}/changelog.Debian "dogwatch (${version}) bookworm; urgency=medium\n\n  * See changelog.gz.\n\n -- ${CPACK_PACKAGE_CONTACT}  Thu, 01 Jan 1970 00:00:00 +0000\n")
configure_file(${CMAKE_SOURCE_DIR}/CHANGELOG.md ${made}/changelog COPYONLY)
configure_file(${CMAKE_SOURCE_DIR}/docs/dogwatch.1 ${made}/dogwatch.1 COPYONLY)
configure_file(${CMAKE_SOURCE_DIR}/docs/dogwatch.bash ${made}/dogwatch COPYONLY)
foreach(part agent collector)
  configure_file(${here}/dogwatch-${part}.1 ${made}/dogwatch-${part}.1 COPYONLY)
endforeach()
foreach(name changelog.Debian changelog dogwatch.1 dogwatch-agent.1 dogwatch-collector.1) # as the policy wants them
  execute_process(COMMAND gzip -9nf ${made}/${name} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

foreach(part agent collector tools)
  string(TOUPPER ${part} PART)
  set(CPACK_DEBIAN_${PART}_PACKAGE_NAME dogwatch-${part})
  install(FILES ${here}/copyright ${made}/changelog.gz ${made}/changelog.Debian.gz DESTINATION share/doc/dogwatch-${part} COMPONENT ${part} EXCLUDE_FROM_ALL)
endforeach()
foreach(part agent collector)
  string(TOUPPER ${part} PART)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/etc/${part}.yml DESTINATION /etc/dogwatch COMPONENT ${part} EXCLUDE_FROM_ALL)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/systemd/dogwatch-${part}.service DESTINATION lib/systemd/system COMPONENT ${part} EXCLUDE_FROM_ALL)
  install(FILES ${made}/dogwatch-${part}.1.gz DESTINATION share/man/man1 COMPONENT ${part} EXCLUDE_FROM_ALL)
  file(WRITE ${made}/${part}/conffiles "/etc/dogwatch/${part}.yml\n")
  set(DW_PART ${part})
  foreach(script postinst prerm postrm)
    configure_file(${here}/${script}.in ${made}/${part}/${script} @ONLY FILE_PERMISSIONS
      OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
  set(CPACK_DEBIAN_${PART}_PACKAGE_CONTROL_EXTRA ${made}/${part}/conffiles ${made}/${part}/postinst ${made}/${part}/prerm ${made}/${part}/postrm)
endforeach()
install(FILES ${made}/dogwatch.1.gz DESTINATION share/man/man1 COMPONENT tools EXCLUDE_FROM_ALL)
install(FILES ${made}/dogwatch DESTINATION share/bash-completion/completions COMPONENT tools EXCLUDE_FROM_ALL)
include(CPack)
