//! The wasm half of the npm package: the JavaScript face of `tautline`, and nothing of its own.
//!
//! Without std, which would bring an allocator and a panic handler several times the size of these.

#![cfg_attr(all(target_arch = "wasm32", not(test)), no_std)]

// Links the library; what it exports to JavaScript comes along.
pub use tautline::js;

#[cfg(all(target_arch = "wasm32", not(test)))]
mod runtime {
    use core::panic::PanicInfo;

    use rlsf::SmallGlobalTlsf;

    #[global_allocator]
    static ALLOCATOR: SmallGlobalTlsf = SmallGlobalTlsf::new();

    /// Traps. The words of a panic, with the machinery that formats them, would be a third of the package.
    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }
}
