"""From a manifest to the catalog's rows: one way, for the worker and for ``rebuild``, so that they cannot differ."""

from __future__ import annotations

from .. import filetypes
from ..catalog.scans import Claims, Facts, RenditionFacts, Scan
from ..catalog.uploads import Batch, Upload
from ..words import CaptureSource, Eye, Kind, State
from .manifest import Manifest, ScanPart
from .provenance import Told, told_apart


def upload_row(manifest: Manifest) -> Upload:
    """The stored upload. ``keep_until``, ``fence`` and ``attempts`` mean nothing any more: no manifest has them."""
    declared = manifest.upload
    form = manifest.digests.declared.partition(":")[0]
    return Upload(
        id=declared.id,
        batch_id=declared.batch,
        position=declared.position,
        ref=declared.ref,
        account_id=declared.account,
        account_name=declared.account_name,
        patient_id=declared.patient,
        filename=declared.filename,
        size=declared.size,
        block_size=int(form.removeprefix("sha256-blocks-")) if form != "sha256" else 0,
        media_type=declared.media_type,
        eye=declared.eye,
        kind=declared.kind,
        captured_at=declared.captured_at,
        digest=manifest.digests.declared,
        note=declared.note,
        urgent=declared.urgent,
        state=State.STORED,
        reason=None,
        detail=None,
        created_at=declared.created_at,
        keep_until=declared.created_at,
        received_at=declared.received_at,
        ended_at=declared.stored_at,
        fence=0,
        attempts=0,
    )


def batch_row(manifest: Manifest) -> Batch | None:
    """The batch it was declared in, by which a repeated declaration is known; None if that was lost before."""
    declared = manifest.upload
    if not declared.batch_hash:
        return None
    return Batch(
        id=declared.batch,
        account_id=declared.account,
        patient_id=declared.patient,
        body_hash=declared.batch_hash,
        note=declared.note,
        urgent=declared.urgent,
        created_at=declared.created_at,
    )


def scan_rows(manifest: Manifest) -> list[Scan]:
    """The scans, in order."""
    return [_scan_row(manifest, scan) for scan in manifest.scans]


def _scan_row(manifest: Manifest, scan: ScanPart) -> Scan:
    told = told_apart(manifest, scan)
    return Scan(
        id=scan.id,
        upload_id=manifest.upload.id,
        position=scan.position,
        patient_id=manifest.upload.patient,
        eye=scan.eye,
        kind=scan.kind,
        captured_at=told.captured_at,
        captured_source=told.captured_source,
        visit_day=told.visit_day,
        device=scan.detected.device or "",
        facts=_facts(manifest, scan, told),
        placeholder=scan.placeholder,
        attention=list(scan.attention),
        urgent=manifest.upload.urgent,
        withdrawn=False,
    )


def _facts(manifest: Manifest, scan: ScanPart, told: Told) -> Facts:
    upload = manifest.upload
    ending = filetypes.ending(upload.filename)
    spacing = scan.detected.spacing_mm
    return Facts(
        filename=upload.filename,
        # A name's end goes into the name of a download only if it is one of those we take.
        ending=ending if filetypes.accepted(f"x.{ending}") else "",
        format=manifest.format,
        media_type=manifest.media_type,
        size=upload.size,
        digest=manifest.digests.declared,
        sha256=manifest.digests.sha256,
        width=scan.width,
        height=scan.height,
        frames=scan.frames,
        spacing_mm=None if spacing is None else list(spacing),
        renditions={
            what.value: RenditionFacts(
                media_type=made.media_type, width=made.width, height=made.height, bytes=made.bytes
            )
            for what, made in scan.renditions.items()
        },
        no_preview=scan.no_preview,
        declared=_declared(manifest, told),
        detected=_detected(scan),
        note=upload.note,
        sent_by=upload.account_name,
        sent_at=upload.created_at.isoformat(),
        received_at=upload.received_at.isoformat(),
        stored_at=upload.stored_at.isoformat(),
    )


def _declared(manifest: Manifest, told: Told) -> Claims:
    upload = manifest.upload
    claims = Claims(
        eye=_said(upload.eye),
        kind=_said(upload.kind),
        captured_at=told.declared,
        captured_source=CaptureSource.DECLARED.value if told.declared else None,
        device=None,
        patient=None,
    )
    if told.perhaps_file:
        claims["perhaps_file"] = list(told.perhaps_file)
    return claims


def _detected(scan: ScanPart) -> Claims:
    found = scan.detected
    return Claims(
        eye=_said(found.eye),
        kind=_said(found.kind),
        captured_at=found.captured_at,
        captured_source=found.captured_source,
        device=found.device,
        patient=found.patient,
    )


def _said(value: Eye | Kind | None) -> str | None:
    return None if value in (None, Eye.UNKNOWN, Kind.UNKNOWN) else str(value)
