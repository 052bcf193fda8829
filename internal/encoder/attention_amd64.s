//go:build !purego

#include "textflag.h"

// AVX-512 without FMA: the additions of kernel_float.go, in the same order.

// PAIR has keys i and i+4 of a group in a to d, 8 numbers of each in a register. Keys beyond the last are the last one again.
#define PAIR(i, a, b, c, d, lowA, lowB, lowC, lowD) \
	LEAQ         i(R10), AX             \
	LEAQ         (i+4)(R10), BX         \
	CMPQ         AX, R11                \
	CMOVQGT      R11, AX                \
	CMPQ         BX, R11                \
	CMOVQGT      R11, BX                \
	IMULQ        DX, AX                 \
	IMULQ        DX, BX                 \
	VMOVUPS      (R8)(AX*1), lowA       \
	VMOVUPS      32(R8)(AX*1), lowB     \
	VMOVUPS      64(R8)(AX*1), lowC     \
	VMOVUPS      96(R8)(AX*1), lowD     \
	VINSERTF64X4 $1, (R8)(BX*1), a, a   \
	VINSERTF64X4 $1, 32(R8)(BX*1), b, b \
	VINSERTF64X4 $1, 64(R8)(BX*1), c, c \
	VINSERTF64X4 $1, 96(R8)(BX*1), d, d

// LANES sets to to the lanes of the query, which is Z16 to Z19 twice over, with a pair.
#define LANES(a, b, c, d, to) \
	VMULPS a, Z16, to   \
	VMULPS b, Z17, Z28  \
	VMULPS c, Z18, Z29  \
	VMULPS d, Z19, Z30  \
	VADDPS Z28, to, to  \
	VADDPS Z29, to, to  \
	VADDPS Z30, to, to

// NEIGHBOURS sets to to the sums of neighbours: two of a and two of b, in each quarter.
#define NEIGHBOURS(a, b, to) \
	VSHUFPS $0x88, b, a, Z28 \
	VSHUFPS $0xdd, b, a, Z29 \
	VADDPS  Z29, Z28, to

// Eight keys stay in registers while all queries come by.
//
// func scoresAVX512(dst *float32, room int, q *float32, qStride, n int, k *float32, stride, of int, scale float32)
TEXT ·scoresAVX512(SB), NOSPLIT, $0-68
	MOVQ         dst+0(FP), DI
	MOVQ         room+8(FP), R12
	MOVQ         qStride+24(FP), R13
	MOVQ         k+40(FP), R8
	MOVQ         stride+48(FP), DX
	MOVQ         of+56(FP), R11
	VBROADCASTSS scale+64(FP), Z31
	SHLQ         $2, R12
	SHLQ         $2, R13
	SHLQ         $2, DX
	DECQ         R11               // the last key
	XORL         R10, R10

scoresKeys:
	PAIR(0, Z0, Z1, Z2, Z3, Y0, Y1, Y2, Y3)
	PAIR(1, Z4, Z5, Z6, Z7, Y4, Y5, Y6, Y7)
	PAIR(2, Z8, Z9, Z10, Z11, Y8, Y9, Y10, Y11)
	PAIR(3, Z12, Z13, Z14, Z15, Y12, Y13, Y14, Y15)
	MOVQ q+16(FP), SI
	MOVQ n+32(FP), CX
	LEAQ (DI)(R10*4), R9

scoresQuery:
	VBROADCASTF64X4 (SI), Z16
	VBROADCASTF64X4 32(SI), Z17
	VBROADCASTF64X4 64(SI), Z18
	VBROADCASTF64X4 96(SI), Z19
	LANES(Z0, Z1, Z2, Z3, Z20)
	LANES(Z4, Z5, Z6, Z7, Z21)
	LANES(Z8, Z9, Z10, Z11, Z22)
	LANES(Z12, Z13, Z14, Z15, Z23)
	NEIGHBOURS(Z20, Z21, Z24)
	NEIGHBOURS(Z22, Z23, Z25)
	NEIGHBOURS(Z24, Z25, Z26)        // by quarter: keys 0 to 3, their lanes 0 to 3, then 4 to 7; keys 4 to 7 likewise
	VSHUFF64X2      $0x08, Z26, Z26, Z27
	VSHUFF64X2      $0x0d, Z26, Z26, Z28
	VADDPS          Z28, Z27, Z27
	VMULPS          Z31, Z27, Z27
	VEXTRACTF64X4   $0, Z27, (R9)
	ADDQ            R13, SI
	ADDQ            R12, R9
	DECQ            CX
	JNZ             scoresQuery

	ADDQ $8, R10
	CMPQ R10, R11
	JLE  scoresKeys
	VZEROUPPER
	RET

// GATHER adds a value, which is Z8 and Z9, times a query's weight.
#define GATHER(weight, a, b, tmp, other) \
	VMULPS.BCST weight, Z8, tmp   \
	VMULPS.BCST weight, Z9, other \
	VADDPS      tmp, a, a         \
	VADDPS      other, b, b

// Four queries at once: an addition waits for the one before it.
//
// func mixAVX512(dst *float32, dstStride int, w *float32, room, n int, v *float32, stride, of int)
TEXT ·mixAVX512(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R13
	MOVQ w+16(FP), SI
	MOVQ room+24(FP), R12
	MOVQ n+32(FP), CX
	MOVQ stride+48(FP), DX
	SHLQ $2, R13
	SHLQ $2, R12
	SHLQ $2, DX
	LEAQ (R12)(R12*2), R14
	SUBQ $4, CX
	JB   mixRest

mixFour:
	MOVQ   v+40(FP), R8
	MOVQ   of+56(FP), R11
	MOVQ   SI, R9
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7

mixFourValue:
	VMOVUPS (R8), Z8
	VMOVUPS 64(R8), Z9
	GATHER((R9), Z0, Z1, Z10, Z11)
	GATHER((R9)(R12*1), Z2, Z3, Z12, Z13)
	GATHER((R9)(R12*2), Z4, Z5, Z14, Z15)
	GATHER((R9)(R14*1), Z6, Z7, Z16, Z17)
	ADDQ    $4, R9
	ADDQ    DX, R8
	DECQ    R11
	JNZ     mixFourValue

	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	ADDQ    R13, DI
	VMOVUPS Z2, (DI)
	VMOVUPS Z3, 64(DI)
	ADDQ    R13, DI
	VMOVUPS Z4, (DI)
	VMOVUPS Z5, 64(DI)
	ADDQ    R13, DI
	VMOVUPS Z6, (DI)
	VMOVUPS Z7, 64(DI)
	ADDQ    R13, DI
	LEAQ    (SI)(R12*4), SI
	SUBQ    $4, CX
	JAE     mixFour

mixRest:
	ADDQ $4, CX
	JZ   mixDone

mixOne:
	MOVQ   v+40(FP), R8
	MOVQ   of+56(FP), R11
	MOVQ   SI, R9
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1

mixOneValue:
	VMOVUPS (R8), Z8
	VMOVUPS 64(R8), Z9
	GATHER((R9), Z0, Z1, Z10, Z11)
	ADDQ    $4, R9
	ADDQ    DX, R8
	DECQ    R11
	JNZ     mixOneValue

	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	ADDQ    R13, DI
	ADDQ    R12, SI
	DECQ    CX
	JNZ     mixOne

mixDone:
	VZEROUPPER
	RET
