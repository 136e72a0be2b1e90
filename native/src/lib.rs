// SPDX-License-Identifier: Apache-2.0
//! Many Ed25519 signatures at once, under the ZIP-215 rule, outside Python's lock.
//!
//! A batch holds exactly when each of its signatures does, but with a probability below 2^-127
//! (random weights, ZIP-215). Where it does not hold, each one is looked at by itself. The verdict
//! "no" is decided again by the caller's Python, as with every other library.

use ed25519_zebra::{batch, Signature, VerificationKey, VerificationKeyBytes};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use rand_core::OsRng;

/// Signatures verified together: beyond this a batch gains little.
const BATCH: usize = 256;

type Check = (PyBackedBytes, PyBackedBytes, PyBackedBytes);
type Parsed<'a> = (VerificationKeyBytes, Signature, &'a [u8]);

fn parse(check: &Check) -> Option<Parsed<'_>> {
    let (key, message, signature) = check;
    let key: [u8; 32] = key.as_ref().try_into().ok()?;
    let signature: [u8; 64] = signature.as_ref().try_into().ok()?;
    Some((key.into(), signature.into(), message.as_ref()))
}

fn holds((key, signature, message): &Parsed<'_>) -> bool {
    VerificationKey::try_from(*key).is_ok_and(|key| key.verify(signature, message).is_ok())
}

fn judge(checks: &[Check], verdicts: &mut Vec<u8>) {
    let parsed: Vec<Option<Parsed<'_>>> = checks.iter().map(parse).collect();
    if parsed.iter().all(Option::is_some) {
        let mut together = batch::Verifier::new();
        for (key, signature, message) in parsed.iter().flatten() {
            together.queue((*key, *signature, message));
        }
        if together.verify(OsRng).is_ok() {
            verdicts.resize(verdicts.len() + checks.len(), 1);
            return;
        }
    }
    verdicts.extend(parsed.iter().map(|one| u8::from(one.as_ref().is_some_and(holds))));
}

/// Return one byte for each (public key, message, signature): 1 where it holds, else 0.
#[pyfunction]
fn verify_all<'py>(py: Python<'py>, checks: Vec<Check>) -> Bound<'py, PyBytes> {
    let verdicts = py.detach(|| {
        let mut verdicts = Vec::with_capacity(checks.len());
        for part in checks.chunks(BATCH) {
            judge(part, &mut verdicts);
        }
        verdicts
    });
    PyBytes::new(py, &verdicts)
}

#[pymodule]
fn hanse_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(verify_all, module)?)
}
