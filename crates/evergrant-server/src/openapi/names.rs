//! The names of an enumeration's variants, asked of serde itself: a list written by hand would miss the next one.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeOwned, Error, Visitor},
    forward_to_deserialize_any,
};

/// The names under which `T` is written; none if it is no enumeration.
pub(crate) fn of<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(Asker) {
        Err(Names(names)) => names,
        Ok(_) => &[],
    }
}

/// Is told the names, and stops there.
struct Asker;

/// What it was told, by the only way back.
#[derive(Debug)]
struct Names(&'static [&'static str]);

impl fmt::Display for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Names {}

impl Error for Names {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for Asker {
    type Error = Names;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Names> {
        Err(Names(&[]))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Names> {
        Err(Names(variants))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use evergrant::proto::{diagnosis::Cause, grant::EventKind};

    use super::*;

    #[test]
    fn serde_tells_the_names_of_an_enumeration() {
        let causes: Vec<_> = Cause::all().map(Cause::as_str).collect();
        assert_eq!(of::<Cause>(), causes);
        assert!(of::<EventKind>().contains(&"needs_reauthorization"));
        assert!(of::<String>().is_empty());
    }
}
