#!/usr/bin/env python3
"""Runs the CI recipes of examples/ line by line, as a runner would: examples/github-actions.yml with action.yml, and
examples/gitlab-ci.yml with templates/memory-gate.yml. No dumpdiff is on the PATH but the one that the recipe puts there.
What a runner brings (a checkout, the SDK, uploads) is there already.
usage: recipes.py TREE PROJECT RELEASES VERSION SHA256
  PROJECT   what is built: src/Service, load.sh, memory-budget.json, examples/, tools/dumpdiff
  RELEASES  a folder laid out as releases are published, v0.1.0/dumpdiff-0.1.0-linux-x86_64"""
import os
import pathlib
import re
import subprocess
import sys

import yaml

tree, project, releases = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
version, digest = sys.argv[4:6]
failed = []
clean_path = ":".join(p for p in os.environ["PATH"].split(":") if p and not (pathlib.Path(p) / "dumpdiff").exists())


def test(name, good, said=""):
    print(f"[       OK ] {name}" if good else f"[  FAILED  ] {name}")
    if not good:
        failed.append(name)
        print("  " + str(said)[-1500:].replace("\n", "\n  "))
    return good


def run(script, folder, environment, shell=("bash", "-e", "-o", "pipefail", "-c")):
    return subprocess.run([*shell, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL)


def filled(text, values):
    """Without expressions: each ${{ }} has to be one that is known here."""
    def value(match):
        name = match.group(1).strip()
        if name not in values:
            sys.exit(f"nothing is known for the expression {name}")
        return values[name]
    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text))


class Runner:
    """Of GitHub: the files by which a step speaks to those that follow."""
    def __init__(self, mode):
        self.temp = project / "runner"
        self.temp.mkdir(exist_ok=True)
        for name in ("path", "output", "summary"):
            (self.temp / name).write_text("")
        self.base = {**{k: v for k, v in os.environ.items() if not k.startswith("DUMPDIFF")}, "RUNNER_TEMP": str(self.temp),
                     "GITHUB_PATH": str(self.temp / "path"), "GITHUB_OUTPUT": str(self.temp / "output"),
                     "GITHUB_STEP_SUMMARY": str(self.temp / "summary"), "SERVICE_MODE": mode,
                     "SERVICE_FOLDER": str(project / "talk")}

    def environment(self, more):
        added = (self.temp / "path").read_text().split()
        return {**self.base, "PATH": ":".join(added[::-1] + [clean_path]), **more}

    def action(self, given):
        action = yaml.safe_load((tree / "action.yml").read_text())
        assert action["runs"]["using"] == "composite" and set(given) <= set(action["inputs"])
        values = {f"inputs.{k}": given.get(k, v["default"]) for k, v in action["inputs"].items()}
        values["github.action_path"] = str(tree)
        published = given.get("releases") or releases.as_uri()
        for step in action["runs"]["steps"]:
            for text in step["env"].values(): # the one expression that is more than a name
                if "format(" in text:
                    values[text[3:-2].strip()] = published
            said = run(step["run"], project, self.environment({k: filled(v, values) for k, v in step["env"].items()}),
                       (step["shell"], "-e", "-o", "pipefail", "-c"))
            if said.returncode:
                return said
        return None


def in_reach(environment):
    return run("command -v dumpdiff", project, environment).returncode == 0


def github(mode, status):
    workflow = yaml.safe_load((tree / "examples/github-actions.yml").read_text())
    runner = Runner(mode)
    values = {"env.DUMPDIFF_VERSION": version, "env.DUMPDIFF_SHA256": digest}
    test(f"GitHub, {mode}: no dumpdiff is there before", not in_reach(runner.environment({})))
    over = False
    for step in workflow["jobs"]["memory"]["steps"]:
        name = step.get("name") or step.get("uses") or step["run"]
        more = {k: filled(v, values) for k, v in step.get("env", {}).items()}
        if "dumpdiff@" in step.get("uses", ""):
            said = runner.action({k: filled(v, values) for k, v in step["with"].items()})
            test(f"GitHub, {mode}: the action puts it on the PATH", not said and in_reach(runner.environment({})), said)
        elif "run" in step and (not over or step.get("if") == "always()"):
            said = run(step["run"], project, runner.environment(more))
            expected = status if "gate.sh" in step["run"] else 0
            test(f"GitHub, {mode}: {name} ends with {expected}", said.returncode == expected, said)
            over = over or said.returncode != 0
        elif "upload-artifact" in step.get("uses", ""):
            for pattern in step["with"]["path"].split():
                test(f"GitHub, {mode}: {pattern} is there to keep", list(project.glob(pattern)))
        elif "sarif_file" in step.get("with", {}):
            test(f"GitHub, {mode}: the SARIF file is there", (project / step["with"]["sarif_file"]).exists())
    test(f"GitHub, {mode}: the summary says something", (runner.temp / "summary").read_text().strip())


def action_alone():
    runner = Runner("fixed")
    said = runner.action({"version": version, "sha256": "0" * 64})
    test("action: another sum is refused", said and "does not have the SHA-256" in said.stderr and
         not in_reach(runner.environment({})), said)
    said = runner.action({"version": "9.9.9", "sha256": digest})
    test("action: a release that is not there is refused", said and "cannot fetch" in said.stderr, said)
    said = runner.action({"path": str(next(releases.glob("v*/dumpdiff-*")))})
    test("action: a program that is there", not said and in_reach(runner.environment({})), said)


def interpolated(value, values):
    """As GitLab does with a component: in each text, before anything else looks at it."""
    if isinstance(value, dict):
        return {k: interpolated(v, values) for k, v in value.items()}
    if isinstance(value, list):
        return [interpolated(v, values) for v in value]
    if isinstance(value, str):
        return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda m: values.get(m.group(1), m.group(0)), value)
    return value


def gitlab(mode, status):
    specification, job = yaml.safe_load_all((tree / "templates/memory-gate.yml").read_text())
    example = yaml.safe_load((tree / "examples/gitlab-ci.yml").read_text())
    given = example["include"][0]["inputs"]
    known = specification["spec"]["inputs"]
    test("GitLab: the example gives inputs that the component has", set(given) <= set(known), given)
    values = {name: str(given.get(name, declared["default"])) for name, declared in known.items()}
    job = interpolated(job["memory-gate"], values)
    test("GitLab: all inputs are declared", "$[[" not in str(job), job)
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("DUMPDIFF")}, "PATH": clean_path,
                   "DUMPDIFF_RELEASES": releases.as_uri(), "DUMPDIFF_VERSION": version, "DUMPDIFF_SHA256": digest,
                   "SERVICE_MODE": mode, "SERVICE_FOLDER": str(project / "talk"), **job["variables"]}
    said = run("\n".join(job["before_script"] + job["script"]), project, environment)
    test(f"GitLab, {mode}: the job ends with {status}", said.returncode == status, said)
    for kind, name in job["artifacts"]["reports"].items():
        test(f"GitLab, {mode}: the report {kind} is there", (project / name).stat().st_size > 0)


action_alone()
for recipe in (github, gitlab):
    for mode, status in (("fixed", 0), ("leaky", 1)):
        for old in ("gate.xml", "gate.sarif", "summary.md", "metrics.txt"):
            (project / old).unlink(missing_ok=True)
        recipe(mode, status)
sys.exit(1 if failed else 0)
