"""The document of the HTTP interface, validated; then the running server asked for what it promises.

Reads one JSON object from stdin; interop/README.md has its members. Exits non-zero, and says on stderr what was found."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = pathlib.Path(__file__).resolve().parent
SCHEMATHESIS = pathlib.Path(sys.executable).parent / "schemathesis"


def main():
    task = json.load(sys.stdin)
    with urllib.request.urlopen(task["server"] + "/openapi.json") as answer:
        document = json.load(answer)
    mistakes = [f"{list(error.absolute_path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    if mistakes:
        sys.exit("the document is not valid:\n" + "\n".join(mistakes))
    operations = sum(len(item) for item in document["paths"].values())
    report = {"operations": operations, "with_key": run(task, task["key"]), "without_key": run(task, None)}
    print(json.dumps(report))


def run(task, key):
    """How many requests were made."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = pathlib.Path(folder) / "schemathesis.toml"
        configuration.write_text((HERE / "schemathesis.toml").read_text())
        command = [SCHEMATHESIS, "--config-file", configuration, "run", task["server"] + "/openapi.json"]
        command += ["--url", task["server"], "--seed", str(task["seed"]), "--no-color"]
        command += ["--max-examples", str(task["examples"] if key else task["examples_without_key"])]
        command += task.get("options", [])
        if key:
            command += ["--header", f"Authorization: Bearer {key}"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SCHEMATHESIS_HOOKS": "hooks",
            "EVERGRANT_VALUES": json.dumps(task["values"]),
            "HOME": folder,
        }
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"schemathesis {'with' if key else 'without'} a key:\n{done.stdout}\n{done.stderr}")
    generated = re.search(r"(\d[\d,]*) generated", done.stdout)
    return int(generated.group(1).replace(",", "")) if generated else done.stdout


if __name__ == "__main__":
    main()
