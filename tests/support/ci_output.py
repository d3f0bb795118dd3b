"""Checks what the gate writes for CI, from standard input: ci_output.py FORMAT. Status 0, 1, or 77 (no validator).

The grammar of each format is checked here as far as its documentation tells. Public schemas are used on top where
DUMPDIFF_SCHEMAS names a folder with them (tools/schemas.sh fills it): sarif-schema-2.1.0.json, JUnit.xsd of
Ant's JUnitReport, jenkins-junit.xsd; for OpenMetrics the parser of python3-prometheus-client.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree


def public_schema(name):
    path = os.path.join(os.environ.get("DUMPDIFF_SCHEMAS", ""), name)
    if os.path.exists(path):
        return path
    print("skipped: %s is not there (set DUMPDIFF_SCHEMAS)" % name)
    return None


def junit(text):
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        for kind in ("failure", "error"):
            assert int(suite.get(kind + "s")) == sum(case.find(kind) is not None for case in cases)
        assert all(case.get("name") and case.get("classname") for case in cases)
        order = [child.tag for child in suite if child.tag != "testcase"]
        assert order == ["properties", "system-out", "system-err"], order
    for schema in filter(None, map(public_schema, ("JUnit.xsd", "jenkins-junit.xsd"))):
        with tempfile.NamedTemporaryFile() as file:
            file.write(text.encode())
            file.flush()
            subprocess.run(["xmllint", "--noout", "--nonet", "--schema", schema, file.name], check=True)


def sarif(text):
    log = json.loads(text)
    assert log["version"] == "2.1.0" and len(log["runs"]) == 1
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        assert result["kind"] == "fail" or result["level"] == "none"
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert not re.search(r"[ ,]", place["artifactLocation"]["uri"])
    schema = public_schema("sarif-schema-2.1.0.json")
    if schema:
        import jsonschema
        with open(schema, encoding="utf-8") as file:
            rules = json.load(file)
        jsonschema.validators.validator_for(rules)(rules).validate(log)


PARSE = """import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(len(list(text_string_to_metric_families(sys.stdin.read()))))"""
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{(%s(?:,%s)*)\} (-?[0-9][0-9.eE+-]*)" % (LABEL, LABEL))


def openmetrics(text):
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""]
    families, seen, current = [], set(), None
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert kind == "gauge" and current not in families
            families.append(current)
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == current
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample[1] == current
            assert (sample[1], sample[2]) not in seen, "twice: " + line
            seen.add((sample[1], sample[2]))
    assert families
    # Another python3 may stand before the distribution's.
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import prometheus_client"], capture_output=True).returncode == 0:
            parsed = subprocess.run([python, "-c", PARSE], input=text.encode(), check=True, capture_output=True)
            assert int(parsed.stdout) == len(families)
            return
    print("skipped: python3-prometheus-client is not installed")


def benchmark(text):
    figures = json.loads(text)
    assert isinstance(figures, list) and figures
    for figure in figures:
        assert isinstance(figure["name"], str) and isinstance(figure["unit"], str)
        assert isinstance(figure["value"], (int, float))
        assert set(figure) <= {"name", "unit", "value", "range", "extra"}


def github(text):
    for line in text.rstrip("\n").split("\n"):
        command = re.fullmatch(r"::(error|warning|notice) ([^:\r]*)::(.*)", line)
        assert command, line
        assert all("=" in part for part in command[2].split(","))
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", command[3] + command[2])


def teamcity(text):
    value = r"'(?:[^'|\[\]\n\r]|\|['|\[\]nr])*'"
    opened = []
    for line in text.rstrip("\n").split("\n"):
        message = re.fullmatch(r"##teamcity\[(\w+)((?: \w+=%s)+)\]" % value, line)
        assert message, line
        if message[1].endswith("Started"):
            opened.append((message[1][:-7], message[2]))
        if message[1].endswith("Finished"):
            assert opened.pop() == (message[1][:-8], message[2])
    assert not opened


globals()[sys.argv[1]](sys.stdin.read())
