"""What Go's standard library does where users can see it: `fmt`, `strconv`, `encoding/json`, `time`.

Shared by the expression language, JSONPath and templates, whose results and messages are Go's.
"""
