{{/* Labels of one of the two parts: (dict "part" "agent"). They select pods too, so nothing in them changes with a version. */}}
{{- define "dogwatch.labels" -}}
app.kubernetes.io/name: dogwatch
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* What both configurations say of Kafka: (dict "kafka" .Values.kafka "username" "x"). */}}
{{- define "dogwatch.kafka" -}}
transport: kafka
kafka.brokers: {{ .kafka.brokers }}
{{- $options := .kafka.options }}
{{- if .kafka.secret }}
kafka.password: {file: /etc/dogwatch-kafka/password}
{{- $options = mergeOverwrite (dict "sasl.username" .username) .kafka.options }}
{{- end }}
{{- with $options }}
kafka.options:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What no container may. */}}
{{- define "dogwatch.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
