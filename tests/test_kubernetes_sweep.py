"""The Job of a sweep: Kubernetes would take it, its pods together do every job once, and may do nothing else.

Oracles: the API's own schemas (kubernetes-validate), and the command's own reading of the arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import all_versions

from qoe_agent import sweeping

FILE = Path(__file__).parent.parent / "configs" / "kubernetes" / "sweep" / "job.yml"
JOB: dict[str, Any] = yaml.safe_load(FILE.read_text())
SPEC = JOB["spec"]["template"]["spec"]
(CONTAINER,) = SPEC["containers"]


@pytest.mark.parametrize("version", [all_versions()[0], all_versions()[-1]])
def test_the_api_takes_it(version: str) -> None:
    kubernetes_validate.validate(JOB, version, strict=True)


def test_the_api_would_not_take_a_mistake() -> None:
    wrong = {**JOB, "spec": {**JOB["spec"], "completion": 4}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, all_versions()[-1], strict=True)


def test_pods_together_do_every_job_once() -> None:
    (share,) = [said for said in CONTAINER["args"] if "$(JOB_COMPLETION_INDEX)" in said]
    assert JOB["spec"]["completionMode"] == "Indexed", "only then has a pod its index"
    count = JOB["spec"]["completions"]
    parts = [sweeping.part(share.replace("$(JOB_COMPLETION_INDEX)", str(index))) for index in range(count)]
    jobs = list(range(10))
    assert sorted(job for part in parts if part for job in jobs[part[0] :: part[1]]) == jobs


def test_a_pod_that_ends_begins_anew_and_no_other_with_it() -> None:
    assert SPEC["restartPolicy"] == "Never", "an index is done by a new pod, perhaps on another machine"
    assert JOB["spec"]["backoffLimit"] > JOB["spec"]["completions"]


def test_pods_may_do_nothing_but_their_work() -> None:
    inside = CONTAINER["securityContext"]
    assert SPEC["automountServiceAccountToken"] is False
    assert SPEC["securityContext"]["runAsNonRoot"] is True
    assert SPEC["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inside["allowPrivilegeEscalation"] is False
    assert inside["readOnlyRootFilesystem"] is True
    assert inside["capabilities"] == {"drop": ["ALL"]}


def test_what_is_written_lies_on_volumes() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in SPEC["volumes"]}
    results = CONTAINER["args"][CONTAINER["args"].index("--results") + 1]
    assert results.startswith(mounts["sweep"] + "/")
    assert mounts["tmp"] == "/tmp"
