//! A computer with Linux as the camera's board: what the module asks of a board, over the kernel's calls. The module,
//! its runtime and its supervisor are the ones of every board; `main.rs` puts them together.

pub mod camera;
mod controls;
mod dial;
pub mod nats;
mod queue;
pub mod settings_file;
pub mod sockets;
pub mod system;
pub mod video;
