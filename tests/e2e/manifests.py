#!/usr/bin/env python3
"""Holds manifests of Kubernetes against its types, by the compiler of TypeScript: each document becomes a constant of the
type that its kind names in npm's kubernetes-models, and *.json, a part of a container, one of IContainer. One that is
wrong on purpose has to be found.
usage: manifests.py LINT MANIFESTS   (LINT: the folder where npm has put kubernetes-models and typescript)"""
import json
import pathlib
import subprocess
import sys

import yaml

lint, manifests = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
lines, count = [], 0


def constant(kind, module, value, part=False):
    global count
    count += 1
    lines.append(f'import type {{ I{kind} as T{count} }} from "kubernetes-models/{module}/{kind}";')
    kind_of = f"Partial<T{count}>" if part else f"T{count}"
    lines.append(f"export const c{count}: {kind_of} = {json.dumps(value)};")


def compile_them(name):
    path = lint / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return subprocess.run(["node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module",
                           "node16", "--moduleResolution", "node16", name], cwd=lint, capture_output=True, text=True)


documents = []
for path in sorted(manifests.glob("*.yaml")):
    documents += [(path, d) for d in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
for path, document in documents:
    constant(document["kind"], document["apiVersion"], document)
for path in sorted(manifests.glob("*.json")):
    constant("Container", "v1", json.loads(path.read_text(encoding="utf-8")), part=True)
said = compile_them("manifests.ts")
print(said.stdout, end="")
good = said.returncode == 0
print(f"{count} manifests")
# The same with a field that nobody knows.
lines.append('import type { ICronJob } from "kubernetes-models/batch/v1/CronJob";')
lines.append('export const bad: ICronJob = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"schedule": "* * * * *", '
             '"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "x", "imagee": "y"}]}}}}}};')
if "imagee" not in compile_them("bad.ts").stdout:
    sys.exit("the compiler finds nothing in a manifest that is wrong")
sys.exit(0 if good and count >= 4 else 1)
