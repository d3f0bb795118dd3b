#!/usr/bin/env python3
"""What a program of .NET Core 3.1 needs beside its runtime: a list of files, settings, and a host.

usage: host-3.py FOLDER PROGRAM APPHOST
"""
import json
import os
import sys

VERSION = "3.1.3"
TARGET = ".NETCoreApp,Version=v3.1/linux-x64"
PACK = "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64"
# What stands in a host for the name of its program.
PLACE = b"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"


def main():
    folder, program, apphost = sys.argv[1:4]
    files = sorted(os.listdir(folder))
    managed = {f: {"assemblyVersion": "4.0.0.0", "fileVersion": "4.700.20.0"}
               for f in files if f.endswith(".dll") and f != program + ".dll"}
    native = {f: {"fileVersion": "0.0.0.0"} for f in files if f.endswith(".so")}
    own, pack = program + "/1.0.0", PACK + "/" + VERSION
    deps = {
        "runtimeTarget": {"name": TARGET, "signature": ""},
        "targets": {TARGET.split("/", maxsplit=1)[0]: {}, TARGET: {
            own: {"dependencies": {PACK: VERSION}, "runtime": {program + ".dll": {}}},
            pack: {"runtime": managed, "native": native}}},
        "libraries": {own: {"type": "project", "serviceable": False, "sha512": ""},
                      pack: {"type": "runtimepack", "serviceable": False, "sha512": ""}}}
    settings = {"runtimeOptions": {
        "includedFrameworks": [{"name": "Microsoft.NETCore.App", "version": VERSION}],
        "configProperties": {"System.Globalization.Invariant": True}}}
    for ending, content in ((".deps.json", deps), (".runtimeconfig.json", settings)):
        with open(os.path.join(folder, program + ending), "w", encoding="utf-8") as out:
            json.dump(content, out)
    with open(apphost, "rb") as host:
        code = host.read()
    name = program.encode() + b".dll"
    path = os.path.join(folder, program)
    with open(path, "wb") as out:
        out.write(code.replace(PLACE, name + bytes(len(PLACE) - len(name))))
    os.chmod(path, 0o755)


main()
