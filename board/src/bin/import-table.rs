//! Prints the table of imports, a line each as `name(parameters)result`, for the test that compares all hosts.

use board::imports::IMPORTS;

fn main() {
    for import in &IMPORTS {
        println!("{}{}", import.name.to_string_lossy(), import.signature.to_string_lossy());
    }
}
