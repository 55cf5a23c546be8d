//! The file in which the camera keeps its settings: a JSON object of texts, the same as Node's (host/settings.ts).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use board::settings::{Store, Values};
use tinyjson::JsonValue;

pub struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    /// Reads what is kept. A file that is not there is one with nothing in it. A failure is one line.
    pub fn open(path: &Path) -> Result<(Values, SettingsFile), String> {
        let failed = |reason: &dyn std::fmt::Display| format!("settings in {}: {reason}", path.display());
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => "{}".to_string(),
            Err(error) => return Err(failed(&error)),
        };
        let json: JsonValue = text.parse().map_err(|error| failed(&error))?;
        let object: HashMap<String, JsonValue> = json.try_into().map_err(|_| failed(&"not a JSON object"))?;
        let mut pairs: Vec<_> = object.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut values = Values::default();
        for (name, value) in pairs {
            let value: String = value.try_into().map_err(|_| failed(&format!("the value of {name} is not a text")))?;
            values.set(&name, &value);
        }
        Ok((values, SettingsFile { path: path.to_owned() }))
    }

    /// Writes the new file whole beside the old one, then has it take its place. The first sync puts its contents on
    /// the disk before its name, the second the name: whenever the power fails, the old or the new is there.
    fn write(&self, text: &str) -> io::Result<()> {
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        File::open(folder)?.sync_all()
    }
}

impl Store for SettingsFile {
    fn replace(&mut self, values: &Values) -> bool {
        self.write(&values.to_json()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("wasmcam-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = Folder::new("written");
        let path = folder.0.join("settings.json");
        let (values, mut file) = SettingsFile::open(&path).unwrap();
        assert_eq!(values, Values::default());
        let mut values = Values::default();
        values.set("fps", "5");
        values.set("motto", "a \"b\"\n\u{1}é");
        assert!(file.replace(&values));
        assert_eq!(SettingsFile::open(&path).unwrap().0, values);
        values.remove("fps");
        assert!(file.replace(&values));
        assert_eq!(SettingsFile::open(&path).unwrap().0, values);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1); // nothing is left beside it
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old() {
        let folder = Folder::new("old");
        let path = folder.0.join("settings.json");
        fs::write(&path, "{\"fps\": \"5\"}").unwrap();
        let (values, mut file) = SettingsFile::open(&path).unwrap();
        fs::create_dir(folder.0.join("settings.json.new")).unwrap(); // stands in the way
        assert!(!file.replace(&Values::default()));
        assert_eq!(SettingsFile::open(&path).unwrap().0, values);
    }

    #[test]
    fn what_is_no_settings_file_is_refused_in_a_line() {
        let folder = Folder::new("refused");
        let path = folder.0.join("settings.json");
        for text in ["", "[]", "{\"fps\": 5}", "{\"fps\": \"5\""] {
            fs::write(&path, text).unwrap();
            let reason = SettingsFile::open(&path).err().unwrap();
            assert!(reason.starts_with("settings in ") && !reason.contains('\n'), "{reason}");
        }
    }
}
