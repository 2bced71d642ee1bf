// Package pages keeps a part of a file in shared memory: what is written there
// is in the kernel's hands at once, whatever becomes of the process.
// There is none on Windows.
package pages
