//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// AVX2 without FMA. A product is VMULPS, its addition VADDPS: the same roundings as in Go.

// DOT sets to to the lanes of q, which is Y12 to Y15, with the row.
#define DOT(row, to, tmp) \
	VMULPS (row), Y12, to    \
	VMULPS 32(row), Y13, tmp \
	VADDPS tmp, to, to       \
	VMULPS 64(row), Y14, tmp \
	VADDPS tmp, to, to       \
	VMULPS 96(row), Y15, tmp \
	VADDPS tmp, to, to

// func scoresAVX2(dst *float32, n int, q, k *float32, stride int, scale float32)
TEXT ·scoresAVX2(SB), NOSPLIT, $0-44
	MOVQ         dst+0(FP), DI
	MOVQ         n+8(FP), CX
	MOVQ         q+16(FP), AX
	MOVQ         k+24(FP), R8
	MOVQ         stride+32(FP), DX
	VBROADCASTSS scale+40(FP), X11
	VMOVUPS      (AX), Y12
	VMOVUPS      32(AX), Y13
	VMOVUPS      64(AX), Y14
	VMOVUPS      96(AX), Y15
	SHLQ         $2, DX            // bytes from row to row
	SUBQ         $4, CX
	JB           rest

rows:
	LEAQ         (R8)(DX*1), R9
	LEAQ         (R9)(DX*1), R10
	LEAQ         (R10)(DX*1), R11
	DOT(R8, Y0, Y4)
	DOT(R9, Y1, Y5)
	DOT(R10, Y2, Y6)
	DOT(R11, Y3, Y7)
	VHADDPS      Y1, Y0, Y0       // a0+a1 a2+a3 b0+b1 b2+b3, and so on for the upper lanes
	VHADDPS      Y3, Y2, Y2
	VHADDPS      Y2, Y0, Y0       // a b c d
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VMULPS       X11, X0, X0
	VMOVUPS      X0, (DI)
	ADDQ         $16, DI
	LEAQ         (R11)(DX*1), R8
	SUBQ         $4, CX
	JAE          rows

rest:
	ADDQ $4, CX
	JZ   done

row:
	DOT(R8, Y0, Y4)
	VHADDPS      Y0, Y0, Y0
	VHADDPS      Y0, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDSS       X1, X0, X0
	VMULSS       X11, X0, X0
	VMOVSS       X0, (DI)
	ADDQ         $4, DI
	ADDQ         DX, R8
	DECQ         CX
	JNZ          row

done:
	VZEROUPPER
	RET

// func mixAVX2(dst, w *float32, n int, v *float32, stride int)
TEXT ·mixAVX2(SB), NOSPLIT, $0-40
	MOVQ   dst+0(FP), DI
	MOVQ   w+8(FP), SI
	MOVQ   n+16(FP), CX
	MOVQ   v+24(FP), R8
	MOVQ   stride+32(FP), DX
	SHLQ   $2, DX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

mixRow:
	VBROADCASTSS (SI), Y4
	VMULPS       (R8), Y4, Y5
	VMULPS       32(R8), Y4, Y6
	VMULPS       64(R8), Y4, Y7
	VMULPS       96(R8), Y4, Y8
	VADDPS       Y5, Y0, Y0
	VADDPS       Y6, Y1, Y1
	VADDPS       Y7, Y2, Y2
	VADDPS       Y8, Y3, Y3
	ADDQ         $4, SI
	ADDQ         DX, R8
	DECQ         CX
	JNZ          mixRow

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VZEROUPPER
	RET

// Eight minus the number that is left, in numbers, is where the mask for them begins.
DATA masks<>+0(SB)/8, $-1
DATA masks<>+8(SB)/8, $-1
DATA masks<>+16(SB)/8, $-1
DATA masks<>+24(SB)/8, $-1
DATA masks<>+32(SB)/8, $0
DATA masks<>+40(SB)/8, $0
DATA masks<>+48(SB)/8, $0
DATA masks<>+56(SB)/8, $0
GLOBL masks<>(SB), RODATA|NOPTR, $64

// EXP sets Y0 to e^Y0. The terms are in Y6 to Y15.
#define EXP \
	VMAXPS Y6, Y0, Y0  \
	VMULPS Y7, Y0, Y1  \
	VADDPS Y8, Y1, Y1  \
	VSUBPS Y8, Y1, Y2  \
	VMULPS Y9, Y2, Y3  \
	VSUBPS Y3, Y0, Y0  \
	VMULPS Y10, Y2, Y3 \
	VSUBPS Y3, Y0, Y0  \
	VMULPS Y0, Y11, Y2 \
	VADDPS Y12, Y2, Y2 \
	VMULPS Y0, Y2, Y2  \
	VADDPS Y13, Y2, Y2 \
	VMULPS Y0, Y2, Y2  \
	VADDPS Y14, Y2, Y2 \
	VMULPS Y0, Y2, Y2  \
	VADDPS Y15, Y2, Y2 \
	VMULPS Y0, Y2, Y2  \
	VADDPS Y15, Y2, Y2 \
	VPSLLD $23, Y1, Y1 \
	VPADDD Y1, Y2, Y0

// FOLD adds the lanes of Y4 and leaves the sum in X4.
#define FOLD \
	VHADDPS      Y4, Y4, Y4 \
	VHADDPS      Y4, Y4, Y4 \
	VEXTRACTF128 $1, Y4, X0 \
	VADDSS       X0, X4, X4

// func softmaxAVX2(x *float32, n int, terms *float32)
TEXT ·softmaxAVX2(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), DX
	MOVQ terms+16(FP), AX
	MOVQ DX, R9
	ANDQ $7, R9           // numbers that are left
	SHRQ $3, DX           // vectors

	VBROADCASTSS (DI), Y4 // the largest number, then the sums
	MOVQ         DI, SI
	MOVQ         DX, CX
	TESTQ        CX, CX
	JZ           topRest

top:
	VMAXPS (SI), Y4, Y4
	ADDQ   $32, SI
	DECQ   CX
	JNZ    top

topRest:
	MOVQ  R9, CX
	TESTQ CX, CX
	JZ    topDone

topOne:
	VBROADCASTSS (SI), Y0
	VMAXPS       Y0, Y4, Y4
	ADDQ         $4, SI
	DECQ         CX
	JNZ          topOne

topDone:
	VPERM2F128 $1, Y4, Y4, Y0
	VMAXPS     Y0, Y4, Y4
	VSHUFPS    $0x4e, Y4, Y4, Y0
	VMAXPS     Y0, Y4, Y4
	VSHUFPS    $0xb1, Y4, Y4, Y0
	VMAXPS     Y0, Y4, Y5

	VXORPS       Y4, Y4, Y4
	VBROADCASTSS (AX), Y6
	VBROADCASTSS 4(AX), Y7
	VBROADCASTSS 8(AX), Y8
	VBROADCASTSS 12(AX), Y9
	VBROADCASTSS 16(AX), Y10
	VBROADCASTSS 20(AX), Y11
	VBROADCASTSS 24(AX), Y12
	VBROADCASTSS 28(AX), Y13
	VBROADCASTSS 32(AX), Y14
	VBROADCASTSS 36(AX), Y15
	MOVQ         DI, SI
	MOVQ         DX, CX
	TESTQ        CX, CX
	JZ           expRest

expVector:
	VMOVUPS (SI), Y0
	VSUBPS  Y5, Y0, Y0
	EXP
	VMOVUPS Y0, (SI)
	VADDPS  Y0, Y4, Y4
	ADDQ    $32, SI
	DECQ    CX
	JNZ     expVector

expRest:
	TESTQ      R9, R9
	JZ         share
	LEAQ       masks<>+32(SB), R10
	MOVQ       R9, R11
	NEGQ       R11
	LEAQ       (R10)(R11*4), R10
	VMOVDQU    (R10), Y3           // EXP takes it: again below
	VMASKMOVPS (SI), Y3, Y0
	VSUBPS     Y5, Y0, Y0
	EXP
	VMOVDQU    (R10), Y3
	VMASKMOVPS Y0, Y3, (SI)
	VPAND      Y3, Y0, Y0
	VADDPS     Y0, Y4, Y4

share:
	FOLD
	VDIVSS       X4, X15, X4
	VBROADCASTSS X4, Y4
	TESTQ        DX, DX
	JZ           shareRest

shareVector:
	VMULPS  (DI), Y4, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, DI
	DECQ    DX
	JNZ     shareVector

shareRest:
	TESTQ      R9, R9
	JZ         shareDone
	VMOVDQU    (R10), Y3
	VMASKMOVPS (DI), Y3, Y0
	VMULPS     Y0, Y4, Y0
	VMASKMOVPS Y0, Y3, (DI)

shareDone:
	VZEROUPPER
	RET

// TERM goes on with two polynomials, FAR with a term that found no register.
#define TERM(term) \
	VMULPS Y2, Y4, Y4   \
	VMULPS Y3, Y5, Y5   \
	VADDPS term, Y4, Y4 \
	VADDPS term, Y5, Y5

#define FAR(term) \
	VBROADCASTSS term, Y6 \
	TERM(Y6)

// Two vectors at once: a polynomial is a long wait (BenchmarkFloats/gelu).
//
// func geluAVX2(x *float32, n int, terms *float32)
TEXT ·geluAVX2(SB), NOSPLIT, $0-24
	MOVQ         x+0(FP), DI
	MOVQ         n+8(FP), CX
	MOVQ         terms+16(FP), AX
	SHRQ         $4, CX
	VXORPS       Y15, Y15, Y15
	VBROADCASTSS (AX), Y7
	VBROADCASTSS 4(AX), Y8
	VBROADCASTSS 8(AX), Y9
	VBROADCASTSS 12(AX), Y10
	VBROADCASTSS 16(AX), Y11
	VBROADCASTSS 20(AX), Y12
	VBROADCASTSS 24(AX), Y13
	VBROADCASTSS 28(AX), Y14

geluVectors:
	VMINPS  (DI), Y7, Y0
	VMINPS  32(DI), Y7, Y1
	VMAXPS  Y8, Y0, Y0
	VMAXPS  Y8, Y1, Y1
	VMULPS  Y0, Y0, Y2
	VMULPS  Y1, Y1, Y3
	VMULPS  Y9, Y2, Y2
	VMULPS  Y9, Y3, Y3
	VSUBPS  Y10, Y2, Y2
	VSUBPS  Y10, Y3, Y3
	VMULPS  Y2, Y12, Y4
	VMULPS  Y3, Y12, Y5
	VADDPS  Y13, Y4, Y4
	VADDPS  Y13, Y5, Y5
	TERM(Y14)
	FAR(32(AX))
	FAR(36(AX))
	FAR(40(AX))
	FAR(44(AX))
	FAR(48(AX))
	FAR(52(AX))
	VMULPS  Y0, Y4, Y4
	VMULPS  Y1, Y5, Y5
	VADDPS  Y11, Y4, Y4
	VADDPS  Y11, Y5, Y5
	VMAXPS  Y15, Y4, Y4
	VMAXPS  Y15, Y5, Y5
	VMINPS  Y10, Y4, Y4
	VMINPS  Y10, Y5, Y5
	VMULPS  (DI), Y4, Y4
	VMULPS  32(DI), Y5, Y5
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	ADDQ    $64, DI
	DECQ    CX
	JNZ     geluVectors
	VZEROUPPER
	RET

// func normalizeAVX2(x, y *float32, rows int, weight, bias, terms *float32)
TEXT ·normalizeAVX2(SB), NOSPLIT, $0-48
	MOVQ   x+0(FP), DI
	MOVQ   y+8(FP), SI
	MOVQ   rows+16(FP), CX
	MOVQ   weight+24(FP), R8
	MOVQ   bias+32(FP), R9
	MOVQ   terms+40(FP), AX
	VMOVSS (AX), X15
	VMOVSS 4(AX), X14
	VMOVSS 8(AX), X13

normalizeRow:
	VXORPS Y4, Y4, Y4
	XORL   DX, DX

addVectors:
	VMOVUPS (DI)(DX*1), Y0
	VMOVUPS 32(DI)(DX*1), Y1
	VMOVUPS 64(DI)(DX*1), Y2
	VMOVUPS 96(DI)(DX*1), Y3
	VADDPS  (SI)(DX*1), Y0, Y0
	VADDPS  32(SI)(DX*1), Y1, Y1
	VADDPS  64(SI)(DX*1), Y2, Y2
	VADDPS  96(SI)(DX*1), Y3, Y3
	VMOVUPS Y0, (DI)(DX*1)
	VMOVUPS Y1, 32(DI)(DX*1)
	VMOVUPS Y2, 64(DI)(DX*1)
	VMOVUPS Y3, 96(DI)(DX*1)
	VADDPS  Y1, Y0, Y0
	VADDPS  Y3, Y2, Y2
	VADDPS  Y2, Y0, Y0
	VADDPS  Y0, Y4, Y4
	ADDQ    $128, DX
	CMPQ    DX, $(4*const_width)
	JB      addVectors

	FOLD
	VDIVSS       X15, X4, X4
	VBROADCASTSS X4, Y5      // the mean
	VXORPS       Y4, Y4, Y4
	XORL         DX, DX

squareVectors:
	VMOVUPS (DI)(DX*1), Y0
	VMOVUPS 32(DI)(DX*1), Y1
	VMOVUPS 64(DI)(DX*1), Y2
	VMOVUPS 96(DI)(DX*1), Y3
	VSUBPS  Y5, Y0, Y0
	VSUBPS  Y5, Y1, Y1
	VSUBPS  Y5, Y2, Y2
	VSUBPS  Y5, Y3, Y3
	VMULPS  Y0, Y0, Y0
	VMULPS  Y1, Y1, Y1
	VMULPS  Y2, Y2, Y2
	VMULPS  Y3, Y3, Y3
	VADDPS  Y1, Y0, Y0
	VADDPS  Y3, Y2, Y2
	VADDPS  Y2, Y0, Y0
	VADDPS  Y0, Y4, Y4
	ADDQ    $128, DX
	CMPQ    DX, $(4*const_width)
	JB      squareVectors

	FOLD
	VDIVSS       X15, X4, X4
	VADDSS       X14, X4, X4
	VSQRTSS      X4, X4, X4
	VDIVSS       X4, X13, X4
	VBROADCASTSS X4, Y6      // the scale
	XORL         DX, DX

scaleVectors:
	VMOVUPS (DI)(DX*1), Y0
	VMOVUPS 32(DI)(DX*1), Y1
	VSUBPS  Y5, Y0, Y0
	VSUBPS  Y5, Y1, Y1
	VMULPS  Y6, Y0, Y0
	VMULPS  Y6, Y1, Y1
	VMULPS  (R8)(DX*1), Y0, Y0
	VMULPS  32(R8)(DX*1), Y1, Y1
	VADDPS  (R9)(DX*1), Y0, Y0
	VADDPS  32(R9)(DX*1), Y1, Y1
	VMOVUPS Y0, (DI)(DX*1)
	VMOVUPS Y1, 32(DI)(DX*1)
	ADDQ    $64, DX
	CMPQ    DX, $(4*const_width)
	JB      scaleVectors

	ADDQ $(4*const_width), DI
	ADDQ $(4*const_width), SI
	DECQ CX
	JNZ  normalizeRow
	VZEROUPPER
	RET

// func peakAVX2(x *float32, n int) uint32
TEXT ·peakAVX2(SB), NOSPLIT, $0-20
	MOVQ     x+0(FP), SI
	MOVQ     n+8(FP), CX
	SHRQ     $5, CX
	VPCMPEQD Y15, Y15, Y15
	VPSRLD   $1, Y15, Y15  // all but the sign
	VPXOR    Y4, Y4, Y4
	VPXOR    Y5, Y5, Y5

peakVectors:
	VPAND   (SI), Y15, Y0
	VPAND   32(SI), Y15, Y1
	VPAND   64(SI), Y15, Y2
	VPAND   96(SI), Y15, Y3
	VPMAXUD Y1, Y0, Y0
	VPMAXUD Y3, Y2, Y2
	VPMAXUD Y0, Y4, Y4
	VPMAXUD Y2, Y5, Y5
	ADDQ    $128, SI
	DECQ    CX
	JNZ     peakVectors

	VPMAXUD      Y5, Y4, Y4
	VEXTRACTI128 $1, Y4, X0
	VPMAXUD      X0, X4, X4
	VPSHUFD      $0x4e, X4, X0
	VPMAXUD      X0, X4, X4
	VPSHUFD      $0xb1, X4, X0
	VPMAXUD      X0, X4, X4
	VMOVD        X4, AX
	MOVL         AX, ret+16(FP)
	VZEROUPPER
	RET

// Packing mixes the two halves of vectors: these are the places of the fours of bytes.
DATA places<>+0(SB)/8, $0x0000000400000000
DATA places<>+8(SB)/8, $0x0000000500000001
DATA places<>+16(SB)/8, $0x0000000600000002
DATA places<>+24(SB)/8, $0x0000000700000003
GLOBL places<>(SB), RODATA|NOPTR, $32

// func roundAVX2(dst *int8, x *float32, n int, by float32)
TEXT ·roundAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS by+24(FP), Y15
	VMOVDQU      places<>(SB), Y14
	SHRQ         $5, CX

roundVectors:
	VMULPS    (SI), Y15, Y0
	VMULPS    32(SI), Y15, Y1
	VMULPS    64(SI), Y15, Y2
	VMULPS    96(SI), Y15, Y3
	VCVTPS2DQ Y0, Y0
	VCVTPS2DQ Y1, Y1
	VCVTPS2DQ Y2, Y2
	VCVTPS2DQ Y3, Y3
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKSSWB Y2, Y0, Y0
	VPERMD    Y0, Y14, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $128, SI
	ADDQ      $32, DI
	DECQ      CX
	JNZ       roundVectors
	VZEROUPPER
	RET

// func dequantizeAVX2(dst *float32, n int, sums *int32, rowScale float32, outScale, bias *float32)
TEXT ·dequantizeAVX2(SB), NOSPLIT, $0-48
	MOVQ         dst+0(FP), DI
	MOVQ         n+8(FP), CX
	MOVQ         sums+16(FP), SI
	VBROADCASTSS rowScale+24(FP), Y15
	MOVQ         outScale+32(FP), R8
	MOVQ         bias+40(FP), R9
	SHRQ         $3, CX
	XORQ         AX, AX

dequantizeVector:
	VCVTDQ2PS (SI)(AX*1), Y0
	VMULPS    Y15, Y0, Y0
	VMULPS    (R8)(AX*1), Y0, Y0
	VADDPS    (R9)(AX*1), Y0, Y0
	VMOVUPS   Y0, (DI)(AX*1)
	ADDQ      $32, AX
	DECQ      CX
	JNZ       dequantizeVector
	VZEROUPPER
	RET

// func dots4AVX2(lanes *[4][4]float32, w *float32, stride int, x *float32, n int)
TEXT ·dots4AVX2(SB), NOSPLIT, $0-40
	MOVQ   lanes+0(FP), DI
	MOVQ   w+8(FP), R8
	MOVQ   stride+16(FP), DX
	MOVQ   x+24(FP), SI
	MOVQ   n+32(FP), CX
	LEAQ   (R8)(DX*4), R9
	LEAQ   (R9)(DX*4), R10
	LEAQ   (R10)(DX*4), R11
	VXORPS X0, X0, X0
	VXORPS X1, X1, X1
	VXORPS X2, X2, X2
	VXORPS X3, X3, X3
	XORL   AX, AX

dotsFour:
	VMOVUPS (SI)(AX*4), X4
	VMULPS  (R8)(AX*4), X4, X5
	VMULPS  (R9)(AX*4), X4, X6
	VMULPS  (R10)(AX*4), X4, X7
	VMULPS  (R11)(AX*4), X4, X8
	VADDPS  X5, X0, X0
	VADDPS  X6, X1, X1
	VADDPS  X7, X2, X2
	VADDPS  X8, X3, X3
	ADDQ    $4, AX
	CMPQ    AX, CX
	JB      dotsFour

	VMOVUPS X0, (DI)
	VMOVUPS X1, 16(DI)
	VMOVUPS X2, 32(DI)
	VMOVUPS X3, 48(DI)
	RET
