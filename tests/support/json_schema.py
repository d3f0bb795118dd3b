"""Validates JSON from standard input against a schema: json_schema.py SCHEMA. Status 0, 1 or 77 (no validator)."""
import json
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed (make deps)")
    sys.exit(77)

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
errors = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(sys.stdin)))
for error in errors[:10]:
    print("/".join(str(p) for p in error.absolute_path) or "(top)", error.message[:300], sep=": ")
print(sys.argv[1] + ": " + ("valid" if not errors else "%d errors" % len(errors)))
sys.exit(1 if errors else 0)
