//! Memory that a program has freed, and mimalloc has not given back yet.

/// Gives back what was freed of the memory that this thread had from mimalloc, and what is wholly free of the process's.
///
/// By itself, mimalloc looks at what was freed only when more is freed. So what the last moments of a crowd's arrival leave
/// behind stays until the next crowd. Takes as long as it takes the kernel to take the memory, and a look at each of the
/// thread's pages. Does nothing in a program with another allocator.
pub fn give_back() {
    #[expect(
        unsafe_code,
        reason = "a call of C; what it saves is measured: docs/decisions.md, 47"
    )]
    // SAFETY: any thread may call it at any time; it touches nothing that is in use.
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[global_allocator]
    static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

    const MIB: usize = 1024 * 1024;

    fn resident() -> usize {
        let pages = fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * rustix::param::page_size()
    }

    #[test]
    fn what_is_freed_at_once_is_given_back() {
        let before = resident();
        let held: Vec<Vec<u8>> = (0..512).map(|_| vec![1; 64 * 1024]).collect();
        assert!(resident() > before + 24 * MIB);
        drop(held);
        give_back();
        assert!(
            resident() < before + 8 * MIB,
            "{} of 32 MiB",
            (resident() - before) / MIB
        );
    }
}
