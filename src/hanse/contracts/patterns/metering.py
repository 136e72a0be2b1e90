# SPDX-License-Identifier: Apache-2.0
"""Metering: millions of readings, committed many at a time, any one of them provable.

A device numbers its readings without a gap and commits to a batch by the root of a tree over them
(``hanse.client.batches`` builds it). What is lost is declared lost; nothing is filled in silently.
A correction points at the reading that it corrects, with the path that proves it, and replaces
nothing.

A device signs its transactions as a member of its owner, under a key of its own; each key epoch
names that member. The signature that a device puts under a batch which a gateway sends for it needs
signatures inside contracts, which are to come. The sum of a batch is public: leave it out where it
tells a habit, until fields can be sealed.
"""

from hanse.contracts import (
    Context,
    Map,
    MemberId,
    OrganisationId,
    TimeMs,
    Written,
    record,
    replace,
    require,
)
from hanse.contracts.patterns.forms import is_digest, is_name

BATCH_MAX = 1_048_576
CORRECTIONS_MAX = 100
DRIFT_PPM = 20_000
PATH_MAX = 20
SKEW_MS = 60_000
LEAF_TAG = "metering/leaf/1"
NODE_TAG = "metering/node/1"


@record
class Device:
    """A meter. A batch that comes more than ``late_ms`` after its last reading gives a reason."""

    id: str
    owner: OrganisationId
    kind: str
    unit: str
    interval_ms: int
    late_ms: int
    epoch: int = 1
    next_seq: int = 0
    last_ms: int = 0
    retired: bool = False


@record
class KeyEpoch:
    """Which member signs for a device, and when it began to."""

    signer: MemberId
    from_ms: TimeMs


@record
class Readings:
    """A batch by its root; ``total`` is its sum, or nothing where that is nobody's business."""

    to_seq: int
    from_ms: TimeMs
    to_ms: TimeMs
    root: str
    total: int | None
    epoch: int
    at_ms: TimeMs
    reason: str


@record
class Gap:
    """Readings that are lost, and why."""

    to_seq: int
    reason: str
    at_ms: TimeMs


@record
class Correction:
    """What a reading should have been, and why; the reading stays."""

    old: int
    new: int
    reason: str
    at_ms: TimeMs


@record
class Batch:
    """A batch as a device commits to it."""

    device: str
    epoch: int
    from_seq: int
    to_seq: int
    from_ms: TimeMs
    to_ms: TimeMs
    root: str
    total: int | None = None
    reason: str = ""


@record
class Shown:
    """One reading of a batch with the path that proves it."""

    device: str
    from_seq: int
    seq: int
    time_ms: TimeMs
    value: int
    path: list[str]


Devices = Map[str, Device]
Epochs = Map[tuple[str, int], KeyEpoch]
Batches = Map[tuple[str, int], Readings]
Gaps = Map[tuple[str, int], Gap]
Corrections = Map[tuple[str, int, int], Correction]
Books = tuple[Devices, Epochs, Batches, Gaps, Corrections]
"""Devices; key epochs by device and number; batches and gaps by device and first sequence number;
corrections by device, sequence number and count."""


def enrol(books: Books, ctx: Context, device: Device, signer: MemberId) -> Device:
    """Take a device into service, owned by the signer. Refuses bad_device, already_exists."""
    named = is_name(device.id) and is_name(device.kind) and is_name(device.unit)
    timed = device.interval_ms > 0 and device.late_ms > 0 and is_name(signer)
    require(named and timed, "bad_device", "a device has a name, a unit and an interval")
    fresh = Device(
        id=device.id,
        owner=ctx.organisation,
        kind=device.kind,
        unit=device.unit,
        interval_ms=device.interval_ms,
        late_ms=device.late_ms,
    )
    made = books[0].add(device.id, fresh)
    books[1][device.id, 1] = KeyEpoch(signer=signer, from_ms=ctx.now)
    return made


def rotate(books: Books, ctx: Context, device: str, signer: MemberId) -> Device:
    """Let another member sign for a device from now on.

    Refuses not_found, wrong_organisation, device_retired, bad_device.
    """
    found = check_owned(books, ctx, device)
    require(is_name(signer), "bad_device", "name the member that signs for it")
    books[1][device, found.epoch + 1] = KeyEpoch(signer=signer, from_ms=ctx.now)
    books[0][device] = replace(found, epoch=found.epoch + 1)
    return books[0][device]


def retire_device(books: Books, ctx: Context, device: str) -> Device:
    """Take a device out of service, for ever.

    Refuses not_found, wrong_organisation, device_retired.
    """
    found = check_owned(books, ctx, device)
    books[0][device] = replace(found, retired=True)
    return books[0][device]


def commit(books: Books, ctx: Context, batch: Batch) -> Readings:
    """Commit to a batch of readings that follows what came before.

    Refuses not_found, device_retired, wrong_epoch, bad_signature, overlap, sequence_gap,
    clock_skew, late_without_reason, bad_root.
    """
    device = books[0][batch.device]
    check_signer(books, ctx, device, batch.epoch)
    check_place(device, batch.from_seq, batch.to_seq)
    check_clock(ctx, device, batch)
    late = ctx.now - batch.to_ms > device.late_ms
    require(not late or batch.reason != "", "late_without_reason", "say why it comes so late")
    require(is_digest(batch.root), "bad_root", "a batch has a root")
    made = Readings(
        to_seq=batch.to_seq,
        from_ms=batch.from_ms,
        to_ms=batch.to_ms,
        root=batch.root,
        total=batch.total,
        epoch=batch.epoch,
        at_ms=ctx.now,
        reason=batch.reason,
    )
    books[0][batch.device] = replace(device, next_seq=batch.to_seq + 1, last_ms=batch.to_ms)
    return books[2].add((batch.device, batch.from_seq), made)


def declare_gap(books: Books, ctx: Context, device: str, span: tuple[int, int], reason: str) -> Gap:
    """Declare readings lost, from the first to the last number of ``span``.

    Refuses not_found, wrong_organisation, device_retired, overlap, sequence_gap,
    late_without_reason.
    """
    found = check_owned(books, ctx, device)
    check_place(found, span[0], span[1])
    require(reason != "", "late_without_reason", "say why they are lost")
    made = Gap(to_seq=span[1], reason=reason, at_ms=ctx.now)
    books[0][device] = replace(found, next_seq=span[1] + 1)
    return books[3].add((device, span[0]), made)


def correct(books: Books, ctx: Context, shown: Shown, value: int, reason: str) -> Correction:
    """Say what a proved reading should have been; also after the device was retired.

    Refuses not_found, wrong_organisation, not_in_batch, late_without_reason, too_many.
    """
    device, batch = books[0][shown.device], books[2][shown.device, shown.from_seq]
    ctx.acts_for(device.owner)
    require(is_reading(ctx, batch, shown), "not_in_batch", "the path does not lead to the root")
    require(reason != "", "late_without_reason", "say why it was wrong")
    before = len(list(books[4].keys((shown.device, shown.seq), limit=CORRECTIONS_MAX)))
    require(before < CORRECTIONS_MAX, "too_many", "a reading is corrected 100 times at most")
    made = Correction(old=shown.value, new=value, reason=reason, at_ms=ctx.now)
    return books[4].add((shown.device, shown.seq, before), made)


def is_reading(ctx: Context, batch: Readings, shown: Shown) -> bool:
    """Whether the path leads from this reading to the root of the batch."""
    index, size = shown.seq - shown.from_seq, batch.to_seq - shown.from_seq + 1
    if not 0 <= index < size or len(shown.path) > PATH_MAX:
        return False
    node = ctx.digest(LEAF_TAG, shown.device, shown.seq, shown.time_ms, shown.value)
    used = 0
    while size > 1:
        if index ^ 1 < size:
            if used == len(shown.path):
                return False
            other = shown.path[used]
            pair = (node, other) if index % 2 == 0 else (other, node)
            node = ctx.digest(NODE_TAG, pair[0], pair[1])
            used += 1
        index //= 2
        size = (size + 1) // 2
    return used == len(shown.path) and node == batch.root


def check_owned(books: Books, ctx: Context, device: str) -> Device:
    """Return a device in service; refuses not_found, wrong_organisation, device_retired."""
    found = books[0][device]
    ctx.acts_for(found.owner)
    require(not found.retired, "device_retired", "it is out of service", device=device)
    return found


def check_signer(books: Books, ctx: Context, device: Device, epoch: int) -> None:
    """Refuse device_retired, wrong_epoch, bad_signature."""
    require(not device.retired, "device_retired", "it is out of service", device=device.id)
    require(epoch == device.epoch, "wrong_epoch", "sign with the present key", epoch=device.epoch)
    mine = books[1][device.id, epoch].signer == ctx.member
    require(mine, "bad_signature", "another member signs for this device", signer=ctx.member)


def check_place(device: Device, from_seq: int, to_seq: int) -> None:
    """Refuse overlap, sequence_gap."""
    follows = from_seq >= device.next_seq
    require(follows, "overlap", "these numbers were used before", next_seq=device.next_seq)
    next_one = from_seq == device.next_seq and 0 <= to_seq - from_seq < BATCH_MAX
    require(next_one, "sequence_gap", "declare the gap first", next_seq=device.next_seq)


def check_clock(ctx: Context, device: Device, batch: Batch) -> None:
    """Refuse clock_skew: a time before the last batch, ahead of block time, or at another pace."""
    onward = device.last_ms < batch.from_ms <= batch.to_ms
    require(onward, "clock_skew", "time goes on from batch to batch", last_ms=device.last_ms)
    require(batch.to_ms <= ctx.now + SKEW_MS, "clock_skew", "the clock is ahead of block time")
    expected = (batch.to_seq - batch.from_seq) * device.interval_ms
    off = abs(batch.to_ms - batch.from_ms - expected)
    steady = off <= SKEW_MS + expected * DRIFT_PPM // 1_000_000
    require(steady, "clock_skew", "the readings are not an interval apart", off_ms=off)


def is_cut(
    devices: list[Written[Device]],
    batches: list[Written[Readings]],
    gaps: list[Written[Gap]],
    corrections: list[Written[Correction]],
) -> bool:
    """Whether each device's new numbers lie in batches and gaps, without overlap and holes."""
    ends: dict[str, dict[int, int]] = {}
    good = all(one.before is None and one.after is not None for one in corrections)
    for one in batches:
        good = good and one.before is None and one.after is not None
        spans = ends.get(one.key[0], {})
        spans[one.key[1]] = -1 if one.after is None else one.after.to_seq
        ends[one.key[0]] = spans
    for other in gaps:
        spans = ends.get(other.key[0], {})
        good = good and other.before is None and other.after is not None
        good = good and other.key[1] not in spans
        spans[other.key[1]] = -1 if other.after is None else other.after.to_seq
        ends[other.key[0]] = spans
    for device in devices:
        after = device.after
        if after is None or (device.before is not None and device.before.retired):
            return False
        reached = 0 if device.before is None else device.before.next_seq
        spans = ends.get(device.key, {})
        for first in sorted(spans.keys()):
            good = good and first == reached and spans[first] >= first
            reached = spans[first] + 1
        good = good and reached == after.next_seq
    known = {device.key: True for device in devices}
    return good and all(name in known for name in ends)
