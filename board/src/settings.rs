//! The settings that the module asks for by name, and has the board keep.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::fault::Fault;

/// Bytes of all names and values that are kept: far more than the camera's controls take.
const KEPT_BYTES_MAX: usize = 4096;

pub trait Settings {
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;

    /// Keeps a value, so that it survives a restart and a loss of power; an empty one removes what was kept. Answers
    /// `Fault::Refused` where that can't be done, and then nothing has changed.
    fn put(&mut self, name: &str, value: &str) -> Result<(), Fault>;
}

/// A memory that lasts.
pub trait Store {
    /// Replaces all that it holds: whenever the power fails, it holds either the old or the new. Answers whether it
    /// could.
    fn replace(&mut self, values: &Values) -> bool;
}

/// Values by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Vec<(String, String)>);

impl Values {
    /// Takes the words that have the shape `name=value`; of a name that comes twice the first counts.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let pairs = words.into_iter().filter_map(|word| word.split_once('='));
        Values(pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Gives `name` a value, in place of any that it had.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.to_string(),
            None => self.0.push((name.to_string(), value.to_string())),
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// All of them, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Bytes of all names and values.
    fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// A JSON object of texts, as the PC keeps settings (host/settings.ts).
    pub fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (index, (name, value)) in self.0.iter().enumerate() {
            json.push_str(if index == 0 { "\n  " } else { ",\n  " });
            quote(&mut json, name);
            json.push_str(": ");
            quote(&mut json, value);
        }
        json.push_str(if self.0.is_empty() { "}\n" } else { "\n}\n" });
        json
    }
}

/// Appends a text as JSON writes it: RFC 8259, section 7.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            // Writing to a String does not fail.
            '\0'..='\x1f' => drop(write!(json, "\\u{:04x}", u32::from(character))),
            _ => json.push(character),
        }
    }
    json.push('"');
}

/// Settings out of three sources, the first that has a value counts.
#[derive(Default)]
pub struct KeptSettings {
    /// What the hardware is like, and no setting changes.
    pub fixed: Values,
    /// What somebody said for this start: it hides what is kept, until something else is put.
    pub given: Values,
    pub kept: Values,
    /// Holds `kept`. Without it what is put is there as long as the board has power.
    pub store: Option<Box<dyn Store>>,
}

impl Settings for KeptSettings {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        [&self.fixed, &self.given, &self.kept].into_iter().find_map(|values| values.get(name)).map(Cow::from)
    }

    fn put(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let mut kept = self.kept.clone();
        match value {
            "" => kept.remove(name),
            _ => kept.set(name, value),
        }
        // The camera puts all its settings each time; a flash memory wears out with every write.
        if kept != self.kept {
            if kept.bytes() > KEPT_BYTES_MAX || self.store.as_mut().is_some_and(|store| !store.replace(&kept)) {
                return Err(Fault::Refused);
            }
            self.kept = kept;
        }
        self.given.remove(name);
        Ok(())
    }
}

/// The double: keeps what it was last given, until it is full.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct MemoryStore(std::rc::Rc<std::cell::RefCell<Memory>>);

#[cfg(test)]
#[derive(Default)]
struct Memory {
    values: Values,
    writes: u32,
    full: bool,
}

#[cfg(test)]
impl MemoryStore {
    pub fn values(&self) -> Values {
        self.0.borrow().values.clone()
    }

    /// How often it was written since the last call.
    pub fn take_writes(&self) -> u32 {
        std::mem::take(&mut self.0.borrow_mut().writes)
    }

    pub fn set_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }
}

#[cfg(test)]
impl Store for MemoryStore {
    fn replace(&mut self, values: &Values) -> bool {
        let mut memory = self.0.borrow_mut();
        if memory.full {
            return false;
        }
        memory.values = values.clone();
        memory.writes += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: &[&str]) -> Values {
        Values::from_words(words.iter().copied())
    }

    #[test]
    fn words_become_values() {
        let values = values(&["report", "size=320x240", "a=b=c", "size=1x1", "empty="]);
        assert_eq!(values.get("size"), Some("320x240"));
        assert_eq!(values.get("a"), Some("b=c"));
        assert_eq!(values.get("empty"), Some(""));
        assert_eq!(values.get("report"), None);
    }

    #[test]
    fn values_are_written_as_json() {
        assert_eq!(values(&[]).to_json(), "{}\n");
        assert_eq!(values(&["quality=40"]).to_json(), "{\n  \"quality\": \"40\"\n}\n");
        let json = values(&["a=\"\\", "é=\t\u{1}\u{1f}\u{20}"]).to_json();
        assert_eq!(json, "{\n  \"a\": \"\\\"\\\\\",\n  \"é\": \"\\u0009\\u0001\\u001f \"\n}\n");
    }

    #[test]
    fn what_is_put_is_kept_and_an_empty_value_removes_it() {
        let store = MemoryStore::default();
        let kept = values(&["fps=5", "quality=20"]);
        let mut settings = KeptSettings { kept, store: Some(Box::new(store.clone())), ..Default::default() };
        assert_eq!(settings.get("quality").as_deref(), Some("20"));
        assert_eq!(settings.put("quality", "40"), Ok(()));
        assert_eq!(settings.get("quality").as_deref(), Some("40"));
        assert_eq!(store.values(), values(&["fps=5", "quality=40"]));
        assert_eq!(settings.put("fps", ""), Ok(()));
        assert_eq!(settings.get("fps").as_deref(), None);
        assert_eq!(store.values(), values(&["quality=40"]));
    }

    #[test]
    fn what_is_kept_already_is_not_written_again() {
        let store = MemoryStore::default();
        let mut settings = KeptSettings { store: Some(Box::new(store.clone())), ..Default::default() };
        assert_eq!(settings.put("fps", ""), Ok(()));
        assert_eq!(store.take_writes(), 0);
        assert_eq!(settings.put("fps", "5"), Ok(()));
        assert_eq!(settings.put("fps", "5"), Ok(()));
        assert_eq!(store.take_writes(), 1);
    }

    #[test]
    fn what_was_said_at_start_counts_until_something_is_put() {
        let mut settings =
            KeptSettings { given: values(&["fps=7"]), kept: values(&["fps=5", "quality=20"]), ..Default::default() };
        assert_eq!(settings.get("fps").as_deref(), Some("7"));
        assert_eq!(settings.get("quality").as_deref(), Some("20"));
        // The default, which the camera puts as an empty value, must not be hidden either.
        assert_eq!(settings.put("fps", ""), Ok(()));
        assert_eq!(settings.get("fps").as_deref(), None);
    }

    #[test]
    fn what_the_hardware_is_nobody_changes() {
        let mut settings =
            KeptSettings { fixed: values(&["size=2x1"]), given: values(&["size=3x3"]), ..Default::default() };
        assert_eq!(settings.get("size").as_deref(), Some("2x1"));
        for value in ["", "8x8"] {
            assert_eq!(settings.put("size", value), Ok(()));
            assert_eq!(settings.get("size").as_deref(), Some("2x1"));
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_and_nothing_changes() {
        let store = MemoryStore::default();
        let mut settings = KeptSettings {
            given: values(&["fps=7"]),
            kept: values(&["fps=5"]),
            store: Some(Box::new(store.clone())),
            ..Default::default()
        };
        store.set_full(true);
        assert_eq!(settings.put("fps", "6"), Err(Fault::Refused));
        assert_eq!(settings.put("fps", "6"), Err(Fault::Refused)); // not taken for kept the second time
        assert_eq!(settings.get("fps").as_deref(), Some("7"));
        store.set_full(false);
        assert_eq!(settings.put("fps", "6"), Ok(()));
        assert_eq!(settings.put("motto", &"x".repeat(KEPT_BYTES_MAX)), Err(Fault::Refused));
        assert_eq!(store.values(), values(&["fps=6"]));
    }
}
