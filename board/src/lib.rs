//! What the camera's module asks of a board, and what runs it: everything that needs no registers.
//!
//! A board's own crate (`boards/`) wires drivers into a [`Board`](imports::Board) and gives it to the
//! [`Supervisor`](supervisor::Supervisor). Logic of the camera is not here: it is in the module (`assembly/`).

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod capture;
pub mod clock;
pub mod fault;
pub mod fleet;
pub mod imports;
pub mod log;
pub mod net;
pub mod random;
pub mod scene;
pub mod sensor_bus;
pub mod settings;
pub mod sockets;
pub mod soft_sensor;
pub mod supervisor;
pub mod watchdog;
