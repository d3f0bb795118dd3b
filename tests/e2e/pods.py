#!/usr/bin/env python3
"""Runs the containers of packaging/kubernetes/*.yaml as a kubelet would, without a cluster: each is a bundle for crun with
the user, the rights, the read-only root, the volumes, the variables and the command of its manifest; those of a pod that
says shareProcessNamespace share one. Images are folders, volumes are folders. What a kubelet does besides (probes,
networks, scheduling) is left out.
usage: pods.py MANIFESTS WORK IMAGE=FOLDER...   (an image is named as in the manifests, without registry and version)
WORK/service is the .NET program that stands for the image shop."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import yaml

manifests, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
images = dict(pair.split("=") for pair in sys.argv[3:])
failed = []


def test(name, good, said=""):
    print(f"[       OK ] {name}" if good else f"[  FAILED  ] {name}")
    if not good:
        failed.append(name)
        print("  " + str(said)[-1500:].replace("\n", "\n  "))


def load(name):
    with open(manifests / name, encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def crun(*arguments, **options):
    return subprocess.run(["crun", "--root", work / "crun", "--cgroup-manager=disabled", *arguments],
                          capture_output=True, text=True, timeout=180, **options)


def image_of(container):
    return container["image"].split("/")[-1].split(":")[0]


def folder(name, owner=None):
    path = work / "volumes" / name
    path.mkdir(parents=True, exist_ok=True)
    if owner is not None: # fsGroup
        os.chown(path, 0, owner)
        os.chmod(path, 0o2775)
    return path


def bundle(pod, container, volumes, joins=None, env=None):
    """A folder that crun runs. joins: the id of the process whose process namespace it gets; none: its own."""
    rights = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
    user = rights.get("runAsUser", 0 if image_of(container) == "shop" else 65532)
    kept = [] if user else ["CAP_" + name for name in rights.get("capabilities", {}).get("add", [])]
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
              {"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "ro"]}]
    places = [(mount["mountPath"], volumes[mount["name"]], mount.get("readOnly", False))
              for mount in container.get("volumeMounts", [])]
    if image_of(container) == "shop":
        # Of this machine, what .NET programs need; the rest of the root is empty.
        places += [("/mnt", work / "service", True), ("/usr", "/usr", True), ("/etc", "/etc", True)]
    for place, source, read_only in places:
        mounts.append({"destination": place, "type": "bind", "source": str(source),
                       "options": ["rbind", "ro" if read_only else "rw"]})
    command = container.get("command", ["/usr/bin/dumpdiff"]) + container.get("args", [])
    if image_of(container) == "shop":
        command = ["/mnt/ticker", "/tmp", "20"]
    variables = {"PATH": "/usr/bin:/bin", "HOSTNAME": "shop-0", "DOTNET_EnableDiagnostics": "0",
                 **{v["name"]: v["value"] for v in container.get("env", [])}, **(env or {})}
    namespaces = [{"type": t} for t in ("mount", "ipc", "uts", "network")]
    namespaces.append({"type": "pid", "path": f"/proc/{joins}/ns/pid"} if joins else {"type": "pid"})
    path = work / "bundles" / container["name"]
    path.mkdir(parents=True, exist_ok=True)
    root = images[image_of(container)]
    for place in [place for place, _, _ in places] + ["/proc", "/dev", "/sys"]: # a container engine makes them
        (pathlib.Path(root) / place[1:]).mkdir(parents=True, exist_ok=True)
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": user, "gid": rights.get("runAsGroup", user),
                                                "additionalGids": [pod.get("securityContext", {}).get("fsGroup", user)]},
                    "args": command, "env": [f"{k}={v}" for k, v in variables.items()],
                    "cwd": container.get("workingDir", "/tmp"),
                    "capabilities": {s: kept for s in ("bounding", "effective", "inheritable", "permitted")},
                    "noNewPrivileges": not rights.get("allowPrivilegeEscalation", True)},
        "root": {"path": root, "readonly": rights.get("readOnlyRootFilesystem", False)},
        "mounts": mounts, "linux": {"namespaces": namespaces}}
    (path / "config.json").write_text(json.dumps(config))
    return str(path)


def start(name, path):
    log = open(work / f"{name}.log", "w", encoding="utf-8")
    subprocess.run(["crun", "--root", work / "crun", "--cgroup-manager=disabled", "run", "--detach", "--bundle", path, name],
                   stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=60, check=True)
    return json.loads(crun("state", name).stdout)["pid"]


def end(name):
    crun("delete", "--force", name)


def wait_for(what, seconds=60):
    for _ in range(seconds * 10):
        if what():
            return True
        time.sleep(0.1)
    return False


def service():
    """The pod of the sidecar, and in it the sidecar itself, with a debug container as kubectl makes one."""
    deployment = load("sidecar.yaml")[0]
    pod = deployment["spec"]["template"]["spec"]
    app, sidecar = pod["containers"]
    volumes = {"tmp": folder("pod-tmp", 1000), "snapshots": folder("snapshots", 1000)}
    assert pod["shareProcessNamespace"]
    pid = start("shop", bundle(pod, app, volumes))
    try:
        if not wait_for(lambda: (volumes["tmp"] / "ready").exists()):
            test("the service is ready", False, (work / "shop.log").read_text())
            return
        start("sidecar", bundle(pod, sidecar, volumes, joins=pid, env={"EVERY": "1"}))
        kept = lambda: sorted(volumes["snapshots"].glob("*.snap"))
        test("sidecar: keeps snapshots of the service", wait_for(lambda: len(kept()) >= 4, 120), (work / "sidecar.log").read_text())
        test("sidecar: says nothing on the way", not (work / "sidecar.log").read_text(), (work / "sidecar.log").read_text())
        end("sidecar")

        partial = json.loads((manifests / "debug.json").read_text())
        debug = {"name": "debugger", "image": "registry.example/dumpdiff:0.1.0", **partial}

        def look(name, *command, **rights):
            container = {**debug, "securityContext": {**debug["securityContext"], **rights}, "command": list(command)}
            return crun("run", "--bundle", bundle(pod, container, volumes, joins=pid), name)
        said = look("debug-ps", "dumpdiff", "ps", "--format", "csv")
        test("debug container: lists the service", ",ticker" in said.stdout or "/mnt/ticker" in said.stdout, said)
        said = look("debug-show", "dumpdiff", "show", "--pid", "1")
        test("debug container: shows the service", said.returncode == 0 and "Ticker+Record" in said.stdout, said)
        test("debug container: trusts what it read", "exact" in said.stdout, said.stdout)
        said = look("debug-keep", "dumpdiff", "snapshot", "--pid", "1", "-o", "/tmp/now.snap")
        test("debug container: keeps a snapshot on a volume of the pod", (volumes["tmp"] / "now.snap").exists(), said)
        said = look("debug-other", "dumpdiff", "show", "--pid", "1", runAsUser=65532)
        test("debug container: another user is refused, and told why", said.returncode == 5 or said.returncode == 4 and
             said.stderr.count("\n") == 1, said)
        said = look("debug-root", "dumpdiff", "show", "--pid", "1", runAsUser=0, capabilities={"drop": ["ALL"]})
        test("debug container: root without rights is refused", said.returncode in (4, 5), said)
        said = look("debug-trace", "dumpdiff", "show", "--pid", "1", runAsUser=0, capabilities={"add": ["SYS_PTRACE"]})
        test("debug container: root with SYS_PTRACE may read any", said.returncode == 0 and "Ticker+Record" in said.stdout, said)
    finally:
        end("sidecar")
        end("shop")


def nightly():
    budget, job = load("cronjob.yaml")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    volumes = {"snapshots": folder("snapshots", 1000), "budget": folder("budget"), "tmp": folder("job-tmp", 1000)}
    for name, text in budget["data"].items():
        (volumes["budget"] / name).write_text(text)
    path = bundle(pod, pod["containers"][0], volumes)
    said = crun("run", "--bundle", path, "nightly-1")
    test("CronJob: adds to the history, and passes the gate", said.returncode == 0 and " added as number " in said.stdout +
         said.stderr and (volumes["snapshots"] / "history.db").exists(), said)
    said = crun("run", "--bundle", path, "nightly-2")
    test("CronJob: may be run again", said.returncode == 0 and "there already" in said.stdout + said.stderr, said)
    for name, dump in (("shop-9-1", "before"), ("shop-9-2", "after")):
        subprocess.run([pathlib.Path(images["dumpdiff"]) / "usr/bin/dumpdiff", "snapshot", f"demo/dumps/{dump}.core.zst",
                        "-o", volumes["snapshots"] / f"{name}.snap"], check=True, capture_output=True)
        time.sleep(0.1)
    said = crun("run", "--bundle", path, "nightly-3")
    test("CronJob: fails for a pod that leaks", said.returncode == 1 and "nothing leaks or hangs" in said.stdout, said)


def dumps():
    pod = load("dumps.yaml")[0]["spec"]["template"]["spec"]
    volumes = {"dumps": folder("dumps", 65532), "tmp": folder("dumps-tmp", 65532)}
    for name in ("before", "after"):
        shutil.copy(f"demo/dumps/{name}.core.zst", volumes["dumps"])
    said = crun("run", "--bundle", bundle(pod, pod["containers"][0], volumes), "dumps")
    test("Job: compares the dumps on a volume", said.returncode == 0 and "Causes" in said.stdout, said)
    report = volumes["dumps"] / "report.html"
    test("Job: leaves its report there", report.exists() and b"</html>" in report.read_bytes())


for step in (service, nightly, dumps):
    step()
sys.exit(1 if failed else 0)
