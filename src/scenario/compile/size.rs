//! Sizes of payloads, fixed or drawn.

use super::context::Context;
use crate::scenario::document::SizeSpec;
use crate::scenario::quantity::Weight;
use crate::scenario::size::Size;
use crate::scenario::yaml::{Entries, Field, List, Located, Quantity, ScalarOr};
use crate::units::ByteSize;

/// The largest payload: past it, a size is a typo rather than a wish.
pub(super) const MAX_SIZE: ByteSize = ByteSize::mib(64);

enum Choice<'a> {
    Uniform(&'a Located<List<Field<ByteSize>>>),
    Exponential(&'a Field<ByteSize>),
    Normal(&'a Field<ByteSize>, &'a Field<ByteSize>),
    LogNormal(&'a Field<ByteSize>, f64),
    OneOf(&'a Located<Entries<Field<Weight>>>),
}

pub(super) fn size(
    context: &mut Context<'_>,
    written: &ScalarOr<Field<ByteSize>, Located<SizeSpec>>,
) -> Option<Size> {
    match written {
        ScalarOr::Scalar(field) => bytes(context, field).map(Size::Fixed),
        ScalarOr::Other(spec) => drawn(context, spec),
    }
}

fn drawn(context: &mut Context<'_>, spec: &Located<SizeSpec>) -> Option<Size> {
    let Located { at, value: keys } = spec;
    let sigma = keys
        .lognormal
        .as_ref()
        .map(|spec| context.value(&spec.value.sigma));
    let options = [
        ("uniform", keys.uniform.as_ref().map(Choice::Uniform)),
        ("exponential", keys.exponential.as_ref().map(Choice::Exponential)),
        (
            "normal",
            keys.normal
                .as_ref()
                .map(|spec| Choice::Normal(&spec.value.mean, &spec.value.deviation)),
        ),
        (
            "lognormal",
            keys.lognormal
                .as_ref()
                .zip(sigma.flatten())
                .map(|(spec, sigma)| Choice::LogNormal(&spec.value.median, sigma.0)),
        ),
        ("choice", keys.choice.as_ref().map(Choice::OneOf)),
    ];
    // The distribution is there, only its deviation was wrong, which is said already.
    if keys.lognormal.is_some() && sigma.is_some_and(|sigma| sigma.is_none()) {
        return None;
    }
    let choice = context.one_of(*at, "a size", options)?;
    if let (Choice::Uniform(_) | Choice::OneOf(_), Some(field)) = (&choice, &keys.max) {
        context.problem(field.at, "`max` is for distributions without an end of their own");
    }
    let max = keys
        .max
        .as_ref()
        .map_or(Some(MAX_SIZE.0 as usize), |field| bytes(context, field));
    match choice {
        Choice::Uniform(bounds) => uniform(context, bounds),
        Choice::Exponential(mean) => {
            let mean = bytes(context, mean)? as f64;
            Some(Size::Exponential { mean, max: max? })
        }
        Choice::Normal(mean, deviation) => {
            let (mean, deviation) = (bytes(context, mean), bytes(context, deviation));
            let (mean, deviation) = (mean? as f64, deviation? as f64);
            Some(Size::Normal {
                mean,
                deviation,
                max: max?,
            })
        }
        Choice::LogNormal(median, sigma) => {
            let mu = (bytes(context, median)?.max(1) as f64).ln();
            Some(Size::LogNormal { mu, sigma, max: max? })
        }
        Choice::OneOf(entries) => choice_of(context, entries),
    }
}

fn uniform(context: &mut Context<'_>, bounds: &Located<List<Field<ByteSize>>>) -> Option<Size> {
    let [low, high] = bounds.value.items.as_slice() else {
        if !bounds.value.damaged {
            context.problem(bounds.at, "expected two sizes, such as [1KiB, 64KiB]");
        }
        return None;
    };
    let (low, high) = (bytes(context, low), bytes(context, high));
    let (low, high) = (low?, high?);
    if low > high {
        context.problem(bounds.at, "the first size must not be above the second");
        return None;
    }
    Some(Size::Uniform(low, high))
}

fn choice_of(context: &mut Context<'_>, entries: &Located<Entries<Field<Weight>>>) -> Option<Size> {
    let mut options = Vec::new();
    let mut sum = 0;
    for (length, weight) in &entries.value.0 {
        let length = checked(context, length.at, ByteSize::read(&length.value));
        let weight = context.value(weight);
        sum += u64::from(weight?.0);
        options.push((sum, length?));
    }
    if options.is_empty() {
        context.problem(
            entries.at,
            "expected sizes with their weights, such as {64: 9, 1KiB: 1}",
        );
        return None;
    }
    Some(Size::Choice(options.into()))
}

fn bytes(context: &mut Context<'_>, field: &Field<ByteSize>) -> Option<usize> {
    let size = context.value(field)?;
    checked(context, field.at, Ok(size))
}

fn checked(
    context: &mut Context<'_>,
    at: crate::scenario::Position,
    size: Result<ByteSize, String>,
) -> Option<usize> {
    match size {
        Ok(size) if size <= MAX_SIZE => Some(size.0 as usize),
        Ok(_) => {
            context.problem(at, format!("a random payload has at most {MAX_SIZE}"));
            None
        }
        Err(message) => {
            context.problem(at, message);
            None
        }
    }
}
