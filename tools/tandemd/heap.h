// How the process's heap is set up.
#pragma once

namespace tandem::tandemd {

// Keeps what large messages free for the next ones. As glibc comes, it gives the top of a heap back
// to the kernel above 128 KiB, so that every payload of some 10 KiB and more pays for its pages
// again: two faults per message of 64 KiB. Before the first thread.
void KeepFreedMemory();

}  // namespace tandem::tandemd
