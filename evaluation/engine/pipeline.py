"""One evaluation from spec to report: prepare the pixels, let a child predict, score what it left.

This side is trusted and holds labels and names; the child gets pixels in a secret order and the weights.
"""

import hashlib
import json
import os
import shutil
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation import catalogue
from evaluation.contract import (
    EvaluationReport,
    EvaluationSpec,
    InputFault,
    Progress,
    Protocol,
    WeightsSpec,
)
from evaluation.engine import graph
from evaluation.engine.child import Child, Tell, start_child
from evaluation.engine.dataset import Dataset, index_dataset
from evaluation.engine.evidence import pack_outcomes, write_evidence
from evaluation.engine.feed import Box, feeding, lay
from evaluation.engine.job import EngineTrouble, Job
from evaluation.engine.metrics import Kind, Outcomes, choose
from evaluation.engine.outcomes import Judge, restore_order, write_part
from evaluation.engine.record import describe_dataset, describe_environment, measure, read_note
from evaluation.static_check import Verdict, check


@dataclass(frozen=True)
class Folders:
    """`work/box` is what the child reads, `work/predictions` what it writes; `store` keeps pixels between runs.

    `seen`: the name by which the child knows `work`, where it started before there was a run.
    """

    work: Path
    store: Path
    seen: Path | None = None

    @property
    def box(self) -> Path:
        return self.work / "box"

    @property
    def predictions(self) -> Path:
        return self.work / "predictions"

    def prepare(self) -> None:
        for folder in (self.box, self.predictions, self.store):
            folder.mkdir(parents=True, exist_ok=True)


def run(
    spec: EvaluationSpec, folders: Folders, tell: Tell, evidence: Path | None = None, waiting: Child | None = None
) -> EvaluationReport:
    """Evaluate. Of a part `evidence` is where its outcomes go, for `merging` to read.

    `waiting`: a child that has started already, behind the spec's box.

    Raises: InputFault for the file or the arguments, EngineTrouble for us.
    """
    clock = {"started": time.perf_counter()}
    folders.prepare()
    weights = inspect_weights(spec)
    published = find_protocol(spec.weights)
    protocol = spec.protocol or published
    tell(Progress("preparing", message=f"{Path(spec.weights.path).name}, {weights['format']}"))
    family = weights["architecture"].partition("/")[0]
    with nullcontext(waiting) if waiting else start_child(spec.box, family, folders.work) as child:
        job = describe_job(spec, folders, protocol, weights)
        job.write(folders.box / "job.json")
        # It loads the network while the images are prepared.
        child.tell((folders.seen or folders.work) / "box" / "job.json")
        dataset = prepare_dataset(spec, folders.store)
        labels = np.array([sample.label for sample in dataset.samples], np.int32)
        kind = choose(labels, spec.metrics)
        order = draw_order(len(dataset.samples), spec.order_seed)
        own = take_part(order, spec)
        digest = digest_job(job, spec, weights, protocol, dataset)
        box = Box(folders.work, folders.predictions, folders.box / "pixels.npy", digest)
        box.prepare()
        laying = lay(dataset, protocol, folders.store, own, box, tell)
        judge = Judge(kind, folders.predictions, labels[own], len(dataset.class_names), spec.chunk)

        def follow(progress: Progress) -> None:
            tell(progress)
            # Before that it may yet discard what an earlier attempt left.
            if progress.stage == "predicting":
                judge.catch_up()

        with feeding(child, len(dataset.class_names), laying):
            clock["prepared"] = time.perf_counter()
            child.listen(follow)
    clock["predicted"] = time.perf_counter()
    tell(Progress("scoring", len(own), len(own)))
    outcomes = judge.finish()
    note = read_note(folders.predictions)
    # Of a graph its file says it; what a state dict became is known only where it was loaded.
    weights = {"content_sha256": note["content_sha256"]} | weights
    report = EvaluationReport(
        metrics={},
        weights=weights | {name: note[name] for name in ("parameters", "multiply_adds") if note[name] is not None},
        dataset=describe_dataset(dataset, protocol, folders.store),
        protocol=asdict(protocol),
        environment=describe_environment(spec, note),
        timing=measure(clock, note, len(own)),
    )
    if spec.samples is None:
        return conclude(report, spec, dataset, kind, labels, restore_order(outcomes, order), evidence)
    report = replace(report, dataset=report.dataset | {"part": spec.samples})
    if evidence:
        write_part(evidence, report, [dataset.samples[place].sha256 for place in own], outcomes)
    return report


def take_part(order: npt.NDArray[np.int64], spec: EvaluationSpec) -> npt.NDArray[np.int64]:
    """Return the spec's share of the secret order. Raises: InputFault where it goes past the end."""
    start, stop = spec.samples or (0, len(order))
    if stop > len(order):
        raise InputFault(f"The part ends at image {stop:,} where the dataset has {len(order):,}.")
    return order[start:stop]


def conclude(
    report: EvaluationReport,
    spec: EvaluationSpec,
    dataset: Dataset,
    kind: Kind,
    labels: npt.NDArray[np.int32],
    outcomes: Outcomes,
    evidence: Path | None,
) -> EvaluationReport:
    """Score the outcomes of all samples, in dataset order, and store them: of a whole run and of merged parts alike."""
    metrics = spec.metrics or kind.DEFAULTS
    stored = write_evidence(evidence, dataset, outcomes) if evidence else {}
    return replace(
        report,
        metrics=kind.score(outcomes, metrics),
        evidence=stored | {"outcomes": pack_outcomes(outcomes, metrics)},
        analysis=kind.analyse(outcomes, labels, dataset.class_names),
    )


def inspect_weights(spec: EvaluationSpec) -> dict[str, Any]:
    """Return digest, format and architecture of the file. Raises: InputFault where it is refused or another file."""
    verdict = check_weights(spec.weights)
    with Path(spec.weights.path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if spec.weights.sha256 and spec.weights.sha256.lower() != sha256:
        raise InputFault(
            f"The file's sha256 is {sha256[:12]}…, expected {spec.weights.sha256[:12]}…; it is another file."
        )
    if verdict.format == "onnx" and spec.precision != "float32":
        raise InputFault("ONNX models are evaluated as they were exported; leave the precision at float32.")
    # What a graph is cannot be told from its name.
    architecture = "onnx" if verdict.format == "onnx" else spec.weights.architecture
    facts = {"sha256": sha256, "format": verdict.format, "architecture": architecture}
    if verdict.format == "onnx":
        facts["content_sha256"] = graph.digest_content(Path(spec.weights.path))
    return facts


def check_weights(weights: WeightsSpec) -> Verdict:
    """Raises: InputFault where the file is not there, is refused, or needs an architecture."""
    path = Path(weights.path)
    if not path.exists():
        raise InputFault(f"The weights file {path.name} does not exist.")
    verdict = check(path)
    if verdict.format != "onnx" and not weights.architecture:
        raise InputFault("Give the architecture, such as torchvision/resnet50; only ONNX files carry their own.")
    return verdict


def find_protocol(weights: WeightsSpec) -> Protocol:
    """Return the architecture's published protocol, or what an ONNX graph asks for.

    Raises: InputFault where the architecture is unknown, or missing.
    """
    if weights.architecture is None:
        check_weights(weights)
        return graph.find_protocol(Path(weights.path))
    found = catalogue.find(weights.architecture)
    if found is None:
        near = ", ".join(catalogue.nearest(weights.architecture))
        raise InputFault(f"The architecture {weights.architecture!r} is unknown; the nearest are {near}.")
    return found.protocol


def prepare_dataset(spec: EvaluationSpec, store: Path | None = None) -> Dataset:
    """Raises: InputFault where there is no dataset, EngineTrouble where it is not the one that was registered."""
    try:
        labels = Path(spec.dataset.labels) if spec.dataset.labels else None
        dataset = index_dataset(Path(spec.dataset.path), labels, store)
    except InputFault as fault:
        # A registered one was there: this machine lacks it, which is no fault of the weights.
        if spec.dataset.digest:
            raise EngineTrouble(f"The registered dataset cannot be read here: {fault}") from fault
        raise
    if spec.dataset.digest and spec.dataset.digest != dataset.digest:
        raise EngineTrouble(
            f"The dataset's digest is {dataset.digest[:19]}…, registered was {spec.dataset.digest[:19]}…:"
            " its files changed."
        )
    return dataset


def draw_order(samples: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the secret order: position in the run to index in the dataset."""
    return np.random.default_rng(seed).permutation(samples)


def describe_job(spec: EvaluationSpec, folders: Folders, protocol: Protocol, weights: dict[str, Any]) -> Job:
    seen = folders.seen or folders.work
    return Job(
        weights=lend_weights(spec, folders) if folders.seen else spec.weights.path,
        architecture=weights["architecture"],
        pixels=str(seen / "box" / "pixels.npy"),
        predictions=str(seen / "predictions"),
        side=protocol.crop,
        background=spec.weights.background,
        mean=protocol.mean,
        std=protocol.std,
        device=spec.device,
        precision=spec.precision,
        forward=spec.forward,
        batch_size=spec.batch_size,
        chunk=spec.chunk,
    )


def lend_weights(spec: EvaluationSpec, folders: Folders) -> str:
    """Put the weights into the folder that a waiting box sees, and return their name there."""
    lent = folders.box / "weights"
    try:
        os.link(spec.weights.path, lent)
    # Another file system, or another owner's file.
    except OSError:
        shutil.copyfile(spec.weights.path, lent)
    return str((folders.seen or folders.work) / "box" / "weights")


def digest_job(job: Job, spec: EvaluationSpec, weights: dict[str, Any], protocol: Protocol, dataset: Dataset) -> str:
    """Return the digest of all that predictions depend on, which is not where their files lie."""
    job = replace(job, weights="", pixels="", predictions="")
    facts = [asdict(job), weights["sha256"], spec.order_seed, spec.samples, asdict(protocol), dataset.digest]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
