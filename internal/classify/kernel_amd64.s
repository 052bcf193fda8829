//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Products and their additions are two instructions: the same roundings as in Go.

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

// TWELVE sets the sums, Y0 to Y11, to 0.
#define TWELVE \
	VXORPS Y0, Y0, Y0     \
	VXORPS Y1, Y1, Y1     \
	VXORPS Y2, Y2, Y2     \
	VXORPS Y3, Y3, Y3     \
	VXORPS Y4, Y4, Y4     \
	VXORPS Y5, Y5, Y5     \
	VXORPS Y6, Y6, Y6     \
	VXORPS Y7, Y7, Y7     \
	VXORPS Y8, Y8, Y8     \
	VXORPS Y9, Y9, Y9     \
	VXORPS Y10, Y10, Y10  \
	VXORPS Y11, Y11, Y11

// TWO adds the products of the block's inputs with the weights of two units.
#define TWO(off, sum, tmp) \
	VMULPS off(R8), Y15, tmp \
	VADDPS tmp, sum, sum

// LANES adds the lanes of eight units, those of a four apart in one vector.
#define LANES(off, a, b, c, d) \
	VUNPCKLPS b, a, Y12    \
	VUNPCKHPS b, a, Y13    \
	VUNPCKLPS d, c, Y14    \
	VUNPCKHPS d, c, Y15    \
	VUNPCKLPD Y14, Y12, a  \
	VUNPCKHPD Y14, Y12, b  \
	VUNPCKLPD Y15, Y13, c  \
	VUNPCKHPD Y15, Y13, d  \
	VADDPS    b, a, a      \
	VADDPS    c, a, a      \
	VADDPS    d, a, a      \
	VMOVUPS   a, off(DI)

// func packed24(dst, w, x *float32, at *uint8, blocks int)
TEXT ·packed24(SB), NOSPLIT, $0-40
	MOVQ   dst+0(FP), DI
	MOVQ   w+8(FP), R9
	MOVQ   x+16(FP), SI
	MOVQ   at+24(FP), BX
	MOVQ   blocks+32(FP), CX
	ADDQ   BX, CX
	TWELVE
	JMP    next

block:
	MOVBLZX        (BX), AX
	SHLQ           $4, AX
	VBROADCASTF128 (SI)(AX*1), Y15
	IMUL3Q         $(const_netHidden/2), AX, AX
	LEAQ           (R9)(AX*1), R8
	TWO(0, Y0, Y12)
	TWO(32, Y1, Y13)
	TWO(64, Y2, Y14)
	TWO(96, Y3, Y12)
	TWO(128, Y4, Y13)
	TWO(160, Y5, Y14)
	TWO(192, Y6, Y12)
	TWO(224, Y7, Y13)
	TWO(256, Y8, Y14)
	TWO(288, Y9, Y12)
	TWO(320, Y10, Y13)
	TWO(352, Y11, Y14)
	INCQ           BX

next:
	CMPQ BX, CX
	JB   block
	LANES(0, Y0, Y1, Y2, Y3)
	LANES(32, Y4, Y5, Y6, Y7)
	LANES(64, Y8, Y9, Y10, Y11)
	VZEROUPPER
	RET

// EIGHT adds w times the eight numbers at off to sum.
#define EIGHT(off, w, sum) \
	VPMOVSXBD off(DX), Y12 \
	VCVTDQ2PS Y12, Y12     \
	VMULPS    w, Y12, Y12  \
	VADDPS    Y12, sum, sum

DATA wideStep<>+0(SB)/4, $0x3a83126f // 1/1000
GLOBL wideStep<>(SB), RODATA|NOPTR, $4

// func gatherAVX2(rows *row, feats *feature, n int, sums *gathered)
TEXT ·gatherAVX2(SB), NOSPLIT, $0-32
	MOVQ   rows+0(FP), SI
	MOVQ   feats+8(FP), BX
	MOVQ   n+16(FP), CX
	MOVQ   sums+24(FP), DI
	IMUL3Q $feature__size, CX, CX
	ADDQ   BX, CX               // the end of the features

	// The wide weights of all minds are twelve. They come first, and bring the vectors: a row lies in four lines.
	VBROADCASTSS wideStep<>(SB), Y15
	VXORPS       Y0, Y0, Y0
	VXORPS       Y1, Y1, Y1

wide:
	LEAQ       (8*feature__size)(BX), R8
	CMPQ       R8, CX
	CMOVQCC    BX, R8
	MOVLQSX    feature_row(R8), R8
	IMUL3Q     $row__size, R8, R8
	PREFETCHT0 (SI)(R8*1)
	PREFETCHT0 64(SI)(R8*1)
	PREFETCHT0 128(SI)(R8*1)
	PREFETCHT0 192(SI)(R8*1)

	MOVLQSX      feature_row(BX), AX
	IMUL3Q       $row__size, AX, AX
	ADDQ         SI, AX
	VBROADCASTSS feature_val(BX), Y14
	VMULPS       Y15, Y14, Y14
	VPMOVSXWD    row_wide(AX), Y12
	VPMOVSXWD    row_wide+16(AX), X13
	VCVTDQ2PS    Y12, Y12
	VCVTDQ2PS    X13, X13
	VMULPS       Y14, Y12, Y12
	VMULPS       X14, X13, X13
	VADDPS       Y12, Y0, Y0
	VADDPS       X13, X1, X1
	ADDQ         $feature__size, BX
	CMPQ         BX, CX
	JB           wide
	VMOVUPS      Y0, gathered_wide(DI)
	VMOVUPS      X1, gathered_wide+32(DI)

	// The vectors: the sums of two minds stay in registers.
	XORQ R9, R9 // the first of the two

pair:
	MOVQ   feats+8(FP), BX
	IMUL3Q $const_netWidth, R9, R10
	TWELVE

feature:
	MOVLQSX      feature_row(BX), AX
	IMUL3Q       $row__size, AX, AX
	ADDQ         SI, AX
	LEAQ         row_vecs(AX)(R10*1), DX
	VBROADCASTSS feature_val(BX), Y15
	VBROADCASTSS row_scales(AX)(R9*4), Y13
	VBROADCASTSS row_scales+4(AX)(R9*4), Y14
	VMULPS       Y15, Y13, Y13
	VMULPS       Y15, Y14, Y14
	EIGHT(0, Y13, Y0)
	EIGHT(8, Y13, Y1)
	EIGHT(16, Y13, Y2)
	EIGHT(24, Y13, Y3)
	EIGHT(32, Y13, Y4)
	EIGHT(40, Y13, Y5)
	EIGHT(48, Y14, Y6)
	EIGHT(56, Y14, Y7)
	EIGHT(64, Y14, Y8)
	EIGHT(72, Y14, Y9)
	EIGHT(80, Y14, Y10)
	EIGHT(88, Y14, Y11)
	ADDQ         $feature__size, BX
	CMPQ         BX, CX
	JB           feature

	VMOVUPS Y0, gathered_vecs+0(DI)
	VMOVUPS Y1, gathered_vecs+32(DI)
	VMOVUPS Y2, gathered_vecs+64(DI)
	VMOVUPS Y3, gathered_vecs+96(DI)
	VMOVUPS Y4, gathered_vecs+128(DI)
	VMOVUPS Y5, gathered_vecs+160(DI)
	VMOVUPS Y6, gathered_vecs+192(DI)
	VMOVUPS Y7, gathered_vecs+224(DI)
	VMOVUPS Y8, gathered_vecs+256(DI)
	VMOVUPS Y9, gathered_vecs+288(DI)
	VMOVUPS Y10, gathered_vecs+320(DI)
	VMOVUPS Y11, gathered_vecs+352(DI)
	ADDQ    $(2*4*const_netWidth), DI
	ADDQ    $2, R9
	CMPQ    R9, $const_minds
	JB      pair
	VZEROUPPER
	RET

// TERM appends a coefficient to a polynomial in Y1.
#define TERM(c, p) \
	VMULPS Y1, p, p \
	VADDPS c, p, p

// SQUASH sets Y0 to its tanh.
#define SQUASH \
	VMINPS  Y0, Y15, Y0  \
	VXORPS  Y1, Y1, Y1   \
	VSUBPS  Y15, Y1, Y1  \
	VMAXPS  Y0, Y1, Y0   \
	VMULPS  Y0, Y0, Y1   \
	VMOVAPS Y4, Y2       \
	TERM(Y5, Y2)         \
	TERM(Y6, Y2)         \
	TERM(Y7, Y2)         \
	TERM(Y8, Y2)         \
	TERM(Y9, Y2)         \
	TERM(Y10, Y2)        \
	VMOVAPS Y11, Y3      \
	TERM(Y12, Y3)        \
	TERM(Y13, Y3)        \
	TERM(Y14, Y3)        \
	VMULPS  Y2, Y0, Y0   \
	VDIVPS  Y3, Y0, Y0

// What is read n numbers before the middle masks the first n lanes.
DATA firstLanes<>+0(SB)/8, $-1
DATA firstLanes<>+8(SB)/8, $-1
DATA firstLanes<>+16(SB)/8, $-1
DATA firstLanes<>+24(SB)/8, $-1
DATA firstLanes<>+32(SB)/8, $0
DATA firstLanes<>+40(SB)/8, $0
DATA firstLanes<>+48(SB)/8, $0
DATA firstLanes<>+56(SB)/8, $0
GLOBL firstLanes<>(SB), RODATA|NOPTR, $64

// func squashAVX2(x *float32, n int, terms *float32, end float32)
TEXT ·squashAVX2(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ terms+16(FP), SI
	VBROADCASTSS (SI), Y4
	VBROADCASTSS 4(SI), Y5
	VBROADCASTSS 8(SI), Y6
	VBROADCASTSS 12(SI), Y7
	VBROADCASTSS 16(SI), Y8
	VBROADCASTSS 20(SI), Y9
	VBROADCASTSS 24(SI), Y10
	VBROADCASTSS 28(SI), Y11
	VBROADCASTSS 32(SI), Y12
	VBROADCASTSS 36(SI), Y13
	VBROADCASTSS 40(SI), Y14
	VBROADCASTSS end+24(FP), Y15

	JMP next

eight:
	VMOVUPS (DI), Y0
	SQUASH
	VMOVUPS Y0, (DI)
	ADDQ    $32, DI

next:
	SUBQ $8, CX
	JAE  eight
	ADDQ $8, CX
	JZ   done

	LEAQ       firstLanes<>+32(SB), AX
	SHLQ       $2, CX
	SUBQ       CX, AX
	VMOVDQU    (AX), Y3
	VMASKMOVPS (DI), Y3, Y0
	SQUASH
	VMOVDQU    (AX), Y3
	VMASKMOVPS Y0, Y3, (DI)

done:
	VZEROUPPER
	RET
