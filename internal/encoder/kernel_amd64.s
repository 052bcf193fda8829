//go:build !purego

#include "textflag.h"

// SHARE makes the four bytes of four tokens of use to 16 outputs of two groups.
#define SHARE(row, a0, b0, a1, b1, a2, b2, a3, b3) \
	VPBROADCASTD (row), Z26       \
	VPBROADCASTD (row)(DX*1), Z27 \
	VPBROADCASTD (row)(DX*2), Z28 \
	VPBROADCASTD (row)(R9*1), Z29 \
	VPDPBUSD     Z26, Z24, a0     \
	VPDPBUSD     Z26, Z25, b0     \
	VPDPBUSD     Z27, Z24, a1     \
	VPDPBUSD     Z27, Z25, b1     \
	VPDPBUSD     Z28, Z24, a2     \
	VPDPBUSD     Z28, Z25, b2     \
	VPDPBUSD     Z29, Z24, a3     \
	VPDPBUSD     Z29, Z25, b3     \
	ADDQ         $4, row

// BEGIN starts the sums of four tokens with what the weights have too much.
#define BEGIN(from, a0, b0, a1, b1, a2, b2, a3, b3) \
	VPBROADCASTD (from)(BX), a0    \
	VPBROADCASTD (from+4)(BX), a1  \
	VPBROADCASTD (from+8)(BX), a2  \
	VPBROADCASTD (from+12)(BX), a3 \
	VMOVDQA32    a0, b0            \
	VMOVDQA32    a1, b1            \
	VMOVDQA32    a2, b2            \
	VMOVDQA32    a3, b3

// END stores them.
#define END(a0, b0, a1, b1, a2, b2, a3, b3) \
	VMOVDQU32 a0, (DI)        \
	VMOVDQU32 b0, (DI)(R14*1) \
	ADDQ      R13, DI         \
	VMOVDQU32 a1, (DI)        \
	VMOVDQU32 b1, (DI)(R14*1) \
	ADDQ      R13, DI         \
	VMOVDQU32 a2, (DI)        \
	VMOVDQU32 b2, (DI)(R14*1) \
	ADDQ      R13, DI         \
	VMOVDQU32 a3, (DI)        \
	VMOVDQU32 b3, (DI)(R14*1) \
	ADDQ      R13, DI

// WEIGHTS loads the weights of two groups for four bytes, and has those of the next two come nearer: what else a layer works on has driven them from the
// cache, which BenchmarkRead shows (an eighth) and BenchmarkMultiply does not. Behind the last group that is in vain.
#define WEIGHTS \
	VMOVDQU32  (R8), Z24        \
	VMOVDQU32  (R8)(R15*1), Z25 \
	PREFETCHT1 (R8)(R15*2)      \
	PREFETCHT1 (R8)(R12*1)      \
	ADDQ       $64, R8

// func tileVNNI(dst *int32, stride, next int, w *uint8, nextWeights int, x *int8, xStride, depth int, less *int32, fours int)
TEXT ·tileVNNI(SB), NOSPLIT, $0-80
	MOVQ dst+0(FP), DI
	MOVQ stride+8(FP), R13
	MOVQ next+16(FP), R14
	MOVQ w+24(FP), R8
	MOVQ nextWeights+32(FP), R15
	MOVQ x+40(FP), SI
	MOVQ xStride+48(FP), DX
	MOVQ depth+56(FP), CX
	MOVQ less+64(FP), BX
	MOVQ fours+72(FP), AX
	SHLQ $2, R13                 // bytes from row to row
	SHLQ $2, R14
	SHRQ $2, CX
	LEAQ (R15)(R15*2), R12       // three groups on
	LEAQ (DX)(DX*2), R9          // three rows on
	LEAQ (SI)(DX*4), R10
	LEAQ (R10)(DX*4), R11
	CMPQ AX, $2
	JEQ  eight
	JB   four

	BEGIN(0, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	BEGIN(16, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	BEGIN(32, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)

twelves:
	WEIGHTS
	SHARE(SI, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	SHARE(R10, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	SHARE(R11, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	DECQ CX
	JNZ  twelves
	END(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	END(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	END(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	VZEROUPPER
	RET

eight:
	BEGIN(0, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	BEGIN(16, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

eights:
	WEIGHTS
	SHARE(SI, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	SHARE(R10, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	DECQ CX
	JNZ  eights
	END(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	END(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	VZEROUPPER
	RET

four:
	BEGIN(0, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)

fours:
	WEIGHTS
	SHARE(SI, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	DECQ CX
	JNZ  fours
	END(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func sumsVNNI(less *int32, x *int8, tokens, depth int)
TEXT ·sumsVNNI(SB), NOSPLIT, $0-32
	MOVQ         less+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         tokens+16(FP), CX
	MOVQ         depth+24(FP), DX
	MOVQ         $128, AX
	VPBROADCASTB AX, Z1            // 128 without a sign: each byte times that
	MOVQ         DX, R9
	SHRQ         $6, R9            // whole vectors
	MOVQ         DX, R8
	SHRQ         $2, R8
	ANDQ         $15, R8           // and the fours that are left
	MOVQ         CX, R10
	MOVQ         R8, CX
	MOVQ         $1, AX
	SHLQ         CX, AX
	DECQ         AX
	KMOVW        AX, K1
	MOVQ         R10, CX

row:
	VPXORD Z0, Z0, Z0
	MOVQ   R9, BX
	TESTQ  BX, BX
	JZ     rest

whole:
	VPDPBUSD (SI), Z1, Z0
	ADDQ     $64, SI
	DECQ     BX
	JNZ      whole

rest:
	VMOVDQU32.Z   (SI), K1, Z2
	VPDPBUSD      Z2, Z1, Z0
	LEAQ          (SI)(R8*4), SI
	VEXTRACTI64X4 $1, Z0, Y2
	VPADDD        Y2, Y0, Y0
	VEXTRACTI128  $1, Y0, X2
	VPADDD        X2, X0, X0
	VPSHUFD       $0x4e, X0, X2
	VPADDD        X2, X0, X0
	VPSHUFD       $0xb1, X0, X2
	VPADDD        X2, X0, X0
	VMOVD         X0, AX
	NEGL          AX
	MOVL          AX, (DI)
	ADDQ          $4, DI
	DECQ          CX
	JNZ           row
	VZEROUPPER
	RET

DATA flip<>+0(SB)/4, $0x80808080
GLOBL flip<>(SB), RODATA|NOPTR, $4

DATA ones<>+0(SB)/4, $0x00010001
GLOBL ones<>(SB), RODATA|NOPTR, $4

// WORTH adds the products of the four bytes of a token with the weights of Y8 and Y9. The sign of a byte goes to the weights: two products of a byte
// without sign, at most 128, and of a weight within 127 fit into a word.
#define WORTH(row, a, b) \
	VPBROADCASTD row, Y12      \
	VPABSB       Y12, Y13      \
	VPSIGNB      Y12, Y8, Y14  \
	VPSIGNB      Y12, Y9, Y15  \
	VPMADDUBSW   Y14, Y13, Y14 \
	VPMADDUBSW   Y15, Y13, Y15 \
	VPMADDWD     Y10, Y14, Y14 \
	VPMADDWD     Y10, Y15, Y15 \
	VPADDD       Y14, a, a     \
	VPADDD       Y15, b, b

// func tileAVX2(dst *int32, stride int, w *uint8, x *int8, xStride, depth int)
TEXT ·tileAVX2(SB), NOSPLIT, $0-48
	MOVQ         dst+0(FP), DI
	MOVQ         stride+8(FP), R13
	MOVQ         w+16(FP), R8
	MOVQ         x+24(FP), SI
	MOVQ         xStride+32(FP), DX
	MOVQ         depth+40(FP), CX
	SHLQ         $2, R13
	SHRQ         $2, CX
	LEAQ         (DX)(DX*2), R9
	VPBROADCASTD ones<>(SB), Y10
	VPBROADCASTD flip<>(SB), Y11
	VPXOR        Y0, Y0, Y0
	VPXOR        Y1, Y1, Y1
	VPXOR        Y2, Y2, Y2
	VPXOR        Y3, Y3, Y3
	VPXOR        Y4, Y4, Y4
	VPXOR        Y5, Y5, Y5
	VPXOR        Y6, Y6, Y6
	VPXOR        Y7, Y7, Y7

bytes:
	VPXOR (R8), Y11, Y8   // weights with their sign
	VPXOR 32(R8), Y11, Y9
	WORTH((SI), Y0, Y1)
	WORTH((SI)(DX*1), Y2, Y3)
	WORTH((SI)(DX*2), Y4, Y5)
	WORTH((SI)(R9*1), Y6, Y7)
	ADDQ  $64, R8
	ADDQ  $4, SI
	DECQ  CX
	JNZ   bytes

	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ    R13, DI
	VMOVDQU Y2, (DI)
	VMOVDQU Y3, 32(DI)
	ADDQ    R13, DI
	VMOVDQU Y4, (DI)
	VMOVDQU Y5, 32(DI)
	ADDQ    R13, DI
	VMOVDQU Y6, (DI)
	VMOVDQU Y7, 32(DI)
	VZEROUPPER
	RET
