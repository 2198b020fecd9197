//! Trouble that lasts is told once, and once that it is over.

/// Whether something is in trouble.
#[derive(Debug, Default)]
pub(crate) struct Incident {
    open: bool,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Began,
    Ended,
}

impl Incident {
    /// Notes how it went this time; `None`: nobody has to be told.
    pub(crate) fn note(&mut self, went_well: bool) -> Option<Turn> {
        match (std::mem::replace(&mut self.open, !went_well), went_well) {
            (false, false) => Some(Turn::Began),
            (true, true) => Some(Turn::Ended),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_told_when_it_begins_and_when_it_ends() {
        let mut incident = Incident::default();
        let told = [true, false, false, true, true, false].map(|went_well| incident.note(went_well));
        let (began, ended) = (Some(Turn::Began), Some(Turn::Ended));
        assert_eq!(told, [None, began, None, ended, None, began]);
    }
}
