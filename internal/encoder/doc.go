// Package encoder reads a message a second time, together with those before it: a small multilingual transformer in whole numbers.
//
// It is pure: a model, texts and numbers go in, log-odds come out; the same on every processor, bit for bit. No I/O, no clock, no
// goroutine, and no allocation once its scratch memory has grown. A text that no piece of the vocabulary covers is still read, letter by letter.
//
// tools/train makes the model: the first layers of multilingual-e5-small, fine-tuned on the corpus. Texts are cut into pieces (tokenizer.go); each message
// goes through the layers by itself, and in the last one the message in question also attends to those before it (forward.go); the products run in
// int8 (kernel.go).
package encoder
