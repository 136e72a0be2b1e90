# SPDX-License-Identifier: Apache-2.0
"""Meters of a power grid: batches of readings, declared gaps, corrections that replace nothing."""

from hanse.contracts import Change, Context, Contract, Map, MemberId, action, invariant, query
from hanse.contracts.patterns.metering import (
    Batch,
    Books,
    Correction,
    Device,
    Gap,
    KeyEpoch,
    Readings,
    Shown,
    commit,
    correct,
    declare_gap,
    enrol,
    is_cut,
    is_reading,
    retire_device,
    rotate,
)


class Meters(Contract):
    """Readings, committed many at a time."""

    devices: Map[str, Device]
    epochs: Map[tuple[str, int], KeyEpoch]
    batches: Map[tuple[str, int], Readings]
    gaps: Map[tuple[str, int], Gap]
    corrections: Map[tuple[str, int, int], Correction]

    @action(role="operator")
    def enrol(self, ctx: Context, device: Device, signer: MemberId) -> Device:
        """Take a device into service. Rejects: bad_device, already_exists."""
        return enrol(self._books(), ctx, device, signer)

    @action(role="operator")
    def rotate(self, ctx: Context, device: str, signer: MemberId) -> Device:
        """Change who signs for it. Rejects: not_found, wrong_organisation, device_retired,
        bad_device.
        """
        return rotate(self._books(), ctx, device, signer)

    @action(role="operator")
    def retire(self, ctx: Context, device: str) -> Device:
        """Take it out of service. Rejects: not_found, wrong_organisation, device_retired."""
        return retire_device(self._books(), ctx, device)

    @action(role="device")
    def commit(self, ctx: Context, batch: Batch) -> Readings:
        """Commit to a batch. Rejects: not_found, device_retired, wrong_epoch, bad_signature,
        overlap, sequence_gap, clock_skew, late_without_reason, bad_root.
        """
        return commit(self._books(), ctx, batch)

    @action(role="operator")
    def declare_gap(self, ctx: Context, device: str, span: tuple[int, int], reason: str) -> Gap:
        """Declare readings lost. Rejects: not_found, wrong_organisation, device_retired,
        overlap, sequence_gap, late_without_reason.
        """
        return declare_gap(self._books(), ctx, device, span, reason)

    @action(role="operator")
    def correct(self, ctx: Context, shown: Shown, value: int, reason: str) -> Correction:
        """Correct a reading. Rejects: not_found, wrong_organisation, not_in_batch,
        late_without_reason, too_many.
        """
        return correct(self._books(), ctx, shown, value, reason)

    @query
    def is_committed(self, ctx: Context, shown: Shown) -> bool:
        """Say whether a device committed to this reading. Rejects: not_found."""
        return is_reading(ctx, self.batches[shown.device, shown.from_seq], shown)

    @invariant
    def no_hole(self, ctx: Context, change: Change) -> bool:
        """Numbers are cut into batches and gaps."""
        devices, batches = change.of(self.devices), change.of(self.batches)
        return is_cut(devices, batches, change.of(self.gaps), change.of(self.corrections))

    def _books(self) -> Books:
        return (self.devices, self.epochs, self.batches, self.gaps, self.corrections)
