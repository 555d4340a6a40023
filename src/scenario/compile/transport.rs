//! The `transport` section.

use std::path::PathBuf;

use super::context::Context;
use crate::scenario::document::Transport;
use crate::scenario::plan::TransportPlan;
use crate::scenario::quantity::{AddressRange, MAX_SOURCE_ADDRESSES};
use crate::scenario::yaml::{Field, ScalarOr};

pub(super) fn transport(
    context: &mut Context<'_>,
    section: Option<&Transport>,
    insecure: bool,
) -> TransportPlan {
    let Some(section) = section else {
        return TransportPlan {
            insecure,
            ..TransportPlan::default()
        };
    };
    let mut file = |field: Option<&Field<PathBuf>>| context.path(field?);
    let ca_file = file(section.ca.as_ref());
    let client_certificate = file(section.certificate.as_ref()).zip(file(section.key.as_ref()));
    match (&section.certificate, &section.key) {
        (Some(alone), None) => context.problem(alone.at, "a client certificate needs its `key` as well"),
        (None, Some(alone)) => context.problem(alone.at, "a key needs its `certificate` as well"),
        _ => {}
    }
    TransportPlan {
        insecure: context.value_or(section.insecure.as_ref(), false) || insecure,
        ca_file,
        client_certificate,
        server_name: section
            .server_name
            .as_ref()
            .and_then(|name| context.value(name))
            .map(|name| name.0),
        source_addresses: source_addresses(context, section),
    }
}

fn source_addresses(context: &mut Context<'_>, section: &Transport) -> Vec<std::net::IpAddr> {
    let ranges: Vec<&Field<AddressRange>> = match &section.source_addresses {
        None => Vec::new(),
        Some(ScalarOr::Scalar(range)) => vec![range],
        Some(ScalarOr::Other(list)) => list.items.iter().collect(),
    };
    let mut addresses = Vec::new();
    for range in ranges {
        addresses.extend(context.value(range).map(|range| range.0).unwrap_or_default());
        if addresses.len() > MAX_SOURCE_ADDRESSES {
            context.problem(
                range.at,
                format!("together more than {MAX_SOURCE_ADDRESSES} source addresses"),
            );
            break;
        }
    }
    addresses
}
