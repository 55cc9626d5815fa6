/* ENTITY(field, object, member, links, doc): who or what an alert is about: fields of tbl/fields.h that a finding takes from its event or
 * from its key, the one that names it best first within an object. `links`: alerts that share the value belong to one incident
 * (collector/alert/incidents.c). Objects stand together: the finding's JSON is written row by row. */
ENTITY(source_ip, source, ip, true, "an address that something came from")
ENTITY(user_name, user, name, true, "an account; of one host where the host is known")
ENTITY(container_name, container, name, false, "a container by its name, which others may have")
ENTITY(container_id, container, id, true, "one container")
ENTITY(host_name, host, name, false, "a host: too many things happen on one to be one incident")
