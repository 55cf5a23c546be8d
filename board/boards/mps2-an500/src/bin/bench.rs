//! stub
#![no_std]
#![no_main]
use mps2_an500 as _;
#[cortex_m_rt::entry]
fn main() -> ! {
    mps2_an500::exit(true)
}
