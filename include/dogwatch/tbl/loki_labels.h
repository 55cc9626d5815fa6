/* LABEL(name, field, doc): labels of streams as Grafana's users know them, and the ECS field that each is. The Loki endpoints, LogQL and the
 * table of docs/reference/loki.md come from here. Any other name is the field with `_` for its dots. */
LABEL(host, host_name, "host the agent runs on")
LABEL(namespace, orchestrator_namespace, "Kubernetes namespace")
LABEL(pod, orchestrator_resource_name, "pod")
LABEL(container, container_name, "container")
LABEL(filename, log_file_path, "file the line stood in")
LABEL(service_name, event_dataset, "which program's log it is: nginx.access, ...")
LABEL(level, log_level, "level that the line names")
