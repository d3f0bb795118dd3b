#!/usr/bin/env python3
"""The bill of materials of the static programs, as SPDX 2.3 JSON, of what tools/static.sh wrote down: a line a package,
its SHA-256 and its file name, NAME_VERSION_ARCHITECTURE.deb or that of a source.
usage: sbom.py VERSION SECONDS-SINCE-1970 MATERIALS..."""
import datetime
import json
import re
import sys
import urllib.parse

version, seconds, lists = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
created = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
packages = [{
    "SPDXID": "SPDXRef-dumpdiff", "name": "dumpdiff", "versionInfo": version, "downloadLocation": "NOASSERTION",
    "filesAnalyzed": False, "licenseConcluded": "MIT", "licenseDeclared": "MIT", "copyrightText": "NOASSERTION"}]
relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-dumpdiff")]
seen = set()
for name in lists:
    for line in open(name, encoding="utf-8"):
        digest, file = line.split()
        file = urllib.parse.unquote(file)
        if file in seen:
            continue
        seen.add(file)
        parts = re.fullmatch(r"([^_]+)_(.+?)(?:_(amd64|arm64|all))?\.(?:deb|dsc|orig\.tar\.\w+|debian\.tar\.\w+)", file)
        if not parts:
            sys.exit(f"sbom.py: {name}: what is {file}?")
        package, release, arch = parts.groups()
        identity = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", file)
        purl = f"pkg:deb/debian/{package}@{urllib.parse.quote(release, safe='')}?arch={arch or 'source'}"
        packages.append({
            "SPDXID": identity, "name": package, "versionInfo": release, "packageFileName": file,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]})
        relations.append(("SPDXRef-dumpdiff", "STATIC_LINK", identity))
document = {
    "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"dumpdiff-{version}",
    "documentNamespace": f"https://spdx.org/spdxdocs/dumpdiff-{version}-{seconds}",
    "creationInfo": {"created": created, "creators": ["Tool: dumpdiff tools/sbom.py"]},
    "packages": packages,
    "relationships": [dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), r)) for r in relations]}
json.dump(document, sys.stdout, indent=1)
print()
