//! The camera's module for the supervisor: its two exports, and its imports from the table.

use board::clock::Micros;
use board::imports::{Board, IMPORTS, MODULE};
use board::supervisor::{self, Trap};

use crate::runtime::{Function, Host, Instance, Native, Runtime};

/// A runtime that offers the camera's table of imports, with one linear memory, in `linear_memory`.
#[cfg(target_os = "none")]
pub fn runtime(linear_memory: &'static mut [core::mem::MaybeUninit<u8>]) -> Runtime {
    crate::platform::give_linear_memory(linear_memory);
    runtime_of_imports()
}

/// A runtime that offers the camera's table of imports. The operating system has the memory.
#[cfg(not(target_os = "none"))]
pub fn runtime() -> Runtime {
    runtime_of_imports()
}

fn runtime_of_imports() -> Runtime {
    let natives = IMPORTS.iter().map(|import| Native { name: import.name, signature: import.signature });
    Runtime::new(MODULE, natives)
}

impl Host for Board {
    fn call(&mut self, native: usize, memory: &mut [u8], arguments: &[u32]) -> Result<i32, &'static str> {
        (IMPORTS[native].call)(self, memory, arguments).map_err(|mistake| mistake.0)
    }
}

/// Starts instances of one AOT file.
pub struct Engine {
    runtime: Runtime,
    file: &'static [u8],
}

impl Engine {
    pub fn new(runtime: Runtime, file: &'static [u8]) -> Engine {
        Engine { runtime, file }
    }
}

pub struct Camera {
    instance: Instance,
    step: Function,
}

impl supervisor::Engine for Engine {
    type Instance = Camera;

    fn start(&mut self) -> Result<Camera, Trap> {
        let instance = self.runtime.instantiate(self.file)?;
        let step = instance.function(c"step")?;
        Ok(Camera { instance, step })
    }
}

impl supervisor::Instance for Camera {
    fn begin(&mut self, board: &mut Board) -> Result<(), Trap> {
        let begin = self.instance.function(c"begin")?;
        self.instance.call(begin, &[], board).map(|_| ())
    }

    fn step(&mut self, board: &mut Board, now: Micros) -> Result<Micros, Trap> {
        let cells = [now as u32, (now >> 32) as u32];
        self.instance.call(self.step, &cells, board).map(|next| next as Micros)
    }
}
