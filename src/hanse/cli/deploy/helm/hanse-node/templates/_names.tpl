{{- define "hanse.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- define "hanse.selector" -}}
app.kubernetes.io/name: hanse-node
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "hanse.labels" -}}
{{ include "hanse.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
{{- define "hanse.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- define "hanse.probe" -}}
port: gateway
scheme: {{ if .Values.tls.secretName }}HTTPS{{ else }}HTTP{{ end }}
# the gateway answers only for names that it knows
httpHeaders: [{name: Host, value: localhost}]
{{- end -}}
