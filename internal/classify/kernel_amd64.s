//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Only SSE2 is used. A product is MULPS, its addition ADDPS: the same roundings as in Go.

DATA wideStep<>+0(SB)/4, $0x3a83126f // 1/1000
GLOBL wideStep<>(SB), RODATA|NOPTR, $4

// func dots4(dst *float32, n int, w *float32, stride int, x *float32, at *uint8, blocks int)
TEXT ·dots4(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ w+16(FP), R8
	MOVQ stride+24(FP), DX
	MOVQ x+32(FP), SI
	MOVQ blocks+48(FP), R13
	SHLQ $2, DX              // bytes from row to row

rows:
	LEAQ  (R8)(DX*1), R9
	LEAQ  (R9)(DX*1), R10
	LEAQ  (R10)(DX*1), R11
	MOVQ  at+40(FP), BX
	LEAQ  (BX)(R13*1), R12
	XORPS X0, X0             // the lanes of four rows
	XORPS X1, X1
	XORPS X2, X2
	XORPS X3, X3
	JMP   next

block:
	MOVBLZX (BX), AX
	SHLQ    $4, AX
	MOVUPS  (SI)(AX*1), X4
	MOVUPS  (R8)(AX*1), X5
	MOVUPS  (R9)(AX*1), X6
	MOVUPS  (R10)(AX*1), X7
	MOVUPS  (R11)(AX*1), X8
	MULPS   X4, X5
	MULPS   X4, X6
	MULPS   X4, X7
	MULPS   X4, X8
	ADDPS   X5, X0
	ADDPS   X6, X1
	ADDPS   X7, X2
	ADDPS   X8, X3
	INCQ    BX

next:
	CMPQ BX, R12
	JB   block

	// turn the rows into columns and add these: lane 0 + lane 1 + lane 2 + lane 3 of each row
	MOVAPS   X0, X4
	UNPCKLPS X1, X0          // a0 b0 a1 b1
	UNPCKHPS X1, X4          // a2 b2 a3 b3
	MOVAPS   X2, X5
	UNPCKLPS X3, X2          // c0 d0 c1 d1
	UNPCKHPS X3, X5          // c2 d2 c3 d3
	MOVAPS   X0, X6
	MOVLHPS  X2, X0          // a0 b0 c0 d0
	MOVHLPS  X6, X2          // a1 b1 c1 d1
	MOVAPS   X4, X7
	MOVLHPS  X5, X4          // a2 b2 c2 d2
	MOVHLPS  X7, X5          // a3 b3 c3 d3
	ADDPS    X2, X0
	ADDPS    X4, X0
	ADDPS    X5, X0
	MOVUPS   X0, (DI)

	ADDQ $16, DI
	LEAQ (R11)(DX*1), R8
	DECQ CX
	JNZ  rows
	RET

// EIGHT adds X15 times eight numbers of the vector to two sums.
#define EIGHT(off, a, b) \
	MOVQ      off(DX), X12 \
	PUNPCKLBW X12, X12     \ // each byte into the highest one of a word of four
	MOVO      X12, X13     \
	PUNPCKLWL X12, X12     \
	PUNPCKHWL X13, X13     \
	PSRAL     $24, X12     \
	PSRAL     $24, X13     \
	CVTPL2PS  X12, X12     \
	CVTPL2PS  X13, X13     \
	MULPS     X15, X12     \
	MULPS     X15, X13     \
	ADDPS     X12, a       \
	ADDPS     X13, b

// func gather4(rows *row, feats *feature, n, k int, vec, wide *float32)
TEXT ·gather4(SB), NOSPLIT, $0-48
	MOVQ  rows+0(FP), SI
	MOVQ  feats+8(FP), BX
	MOVQ  n+16(FP), CX
	MOVQ  k+24(FP), R8
	IMUL3Q $const_netWidth, R8, R9
	IMUL3Q $(2*const_wideHeads), R8, R10
	XORPS X0, X0             // X0 to X11: the vector
	XORPS X1, X1
	XORPS X2, X2
	XORPS X3, X3
	XORPS X4, X4
	XORPS X5, X5
	XORPS X6, X6
	XORPS X7, X7
	XORPS X8, X8
	XORPS X9, X9
	XORPS X10, X10
	XORPS X11, X11
	XORPS X14, X14           // the wide sums
	LEAQ  -1(CX), R11
	IMUL3Q $feature__size, R11, R11
	ADDQ  BX, R11            // the last feature

feature:
	LEAQ       (8*feature__size)(BX), R12
	CMPQ       R12, R11
	CMOVQHI    R11, R12
	MOVLQSX    feature_row(R12), R12
	IMUL3Q     $row__size, R12, R12
	ADDQ       R9, R12
	PREFETCHT0 row_vecs(SI)(R12*1)   // the beginning of a row has been read when its gram was compared

	MOVLQSX feature_row(BX), AX
	IMUL3Q  $row__size, AX, AX
	ADDQ    SI, AX

	MOVSS     feature_val(BX), X15
	MOVO      X15, X13
	MULSS     wideStep<>(SB), X13
	SHUFPS    $0, X13, X13
	MOVQ      row_wide(AX)(R10*1), X12
	PUNPCKLWL X12, X12
	PSRAL     $16, X12
	CVTPL2PS  X12, X12
	MULPS     X13, X12
	ADDPS     X12, X14

	MULSS  row_scales(AX)(R8*4), X15
	SHUFPS $0, X15, X15
	LEAQ   row_vecs(AX)(R9*1), DX
	EIGHT(0, X0, X1)
	EIGHT(8, X2, X3)
	EIGHT(16, X4, X5)
	EIGHT(24, X6, X7)
	EIGHT(32, X8, X9)
	EIGHT(40, X10, X11)

	ADDQ $feature__size, BX
	DECQ CX
	JNZ  feature

	MOVQ   vec+32(FP), DI
	MOVUPS X0, 0(DI)
	MOVUPS X1, 16(DI)
	MOVUPS X2, 32(DI)
	MOVUPS X3, 48(DI)
	MOVUPS X4, 64(DI)
	MOVUPS X5, 80(DI)
	MOVUPS X6, 96(DI)
	MOVUPS X7, 112(DI)
	MOVUPS X8, 128(DI)
	MOVUPS X9, 144(DI)
	MOVUPS X10, 160(DI)
	MOVUPS X11, 176(DI)
	MOVQ   wide+40(FP), DI
	MOVUPS X14, (DI)
	RET
