//! The targets, one function each.

mod certificates;
mod clocks;
mod configuration;
mod engines;
mod explain;
mod files;
mod headers;
mod http_api;
mod imports;
mod life_of_a_grant;
mod records;
mod rehearsal;
mod responses;
mod texts;

/// Bytes in; a panic is a finding.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the name of its folder of seeds.
    pub name: &'static str,
    /// Takes one input.
    pub run: fn(&[u8]),
    /// How much one input costs, in inputs of a target that only parses: a series of mutations is shortened by it.
    pub cost: usize,
}

impl Target {
    const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run, cost: 1 }
    }

    const fn costing(self, cost: usize) -> Self {
        Self { cost, ..self }
    }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target::new("token_response", responses::token_response),
    Target::new("exchange", responses::exchange).costing(4),
    Target::new("error_response", responses::error_response),
    Target::new("metadata", responses::metadata),
    Target::new("device_authorization", responses::device_authorization),
    Target::new("introspection", responses::introspection),
    Target::new("revocation", responses::revocation),
    Target::new("callback", texts::callback),
    Target::new("form", texts::form),
    Target::new("scope", texts::scope),
    Target::new("id_token", texts::id_token),
    Target::new("names", texts::names),
    Target::new("followed_clock", clocks::followed),
    Target::new("challenge", headers::challenge),
    Target::new("times", headers::times),
    Target::new("store_records", records::store_records),
    Target::new("sealed_fields", records::sealed_fields),
    Target::new("sealed_blob", records::sealed_blob),
    Target::new("anchor", files::anchor).costing(4),
    Target::new("lifeboat", files::lifeboat).costing(4),
    Target::new("key_file", files::key_file).costing(4),
    Target::new("key_variable", files::key_variable),
    Target::new("certificate", certificates::certificate).costing(8),
    Target::new("catalogue", configuration::catalogue).costing(8),
    Target::new("rehearsal_settings", configuration::rehearsal_settings).costing(4),
    Target::new("settings_file", configuration::settings_file).costing(8),
    Target::new("import_report", configuration::import_report).costing(8),
    Target::new("operator_texts", configuration::operator_texts),
    Target::new("import_lines", imports::import_lines).costing(4),
    Target::new("explain", explain::explanation).costing(8),
    Target::new("rehearsal", rehearsal::requests).costing(20),
    Target::new("http_api", http_api::requests).costing(40),
    Target::new("life_of_a_grant", life_of_a_grant::operations).costing(4),
    Target::new("engines", engines::operations).costing(300),
];
