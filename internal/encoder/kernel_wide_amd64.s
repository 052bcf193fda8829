//go:build !purego

#include "textflag.h"

// AVX-512 without FMA: what kernel_float_amd64.s does, on twice as many numbers. The last vector is masked, so any number of them will do.

// MASK sets K1 to the last, perhaps incomplete vector of CX numbers, and CX to how many vectors are before it.
#define MASK \
	DECQ  CX      \
	MOVQ  CX, R10 \
	ANDQ  $15, CX \
	MOVL  $2, BX  \
	SHLL  CX, BX  \
	DECL  BX      \
	KMOVW BX, K1  \
	MOVQ  R10, CX \
	SHRQ  $4, CX

// TERM goes on with the polynomial.
#define TERM(term) \
	VMULPS Z2, Z3, Z3   \
	VADDPS term, Z3, Z3

// GELU sets Z3 to the gelu of Z0. The terms are in Z7 to Z21, 0 is in Z15.
#define GELU \
	VMINPS Z7, Z0, Z1  \
	VMAXPS Z8, Z1, Z1  \
	VMULPS Z1, Z1, Z2  \
	VMULPS Z9, Z2, Z2  \
	VSUBPS Z10, Z2, Z2 \
	VMULPS Z2, Z12, Z3 \
	VADDPS Z13, Z3, Z3 \
	TERM(Z14)          \
	TERM(Z16)          \
	TERM(Z17)          \
	TERM(Z18)          \
	TERM(Z19)          \
	TERM(Z20)          \
	TERM(Z21)          \
	VMULPS Z1, Z3, Z3  \
	VADDPS Z11, Z3, Z3 \
	VMAXPS Z15, Z3, Z3 \
	VMINPS Z10, Z3, Z3 \
	VMULPS Z0, Z3, Z3

// func geluAVX512(x *float32, n int, terms *float32)
TEXT ·geluAVX512(SB), NOSPLIT, $0-24
	MOVQ         x+0(FP), DI
	MOVQ         n+8(FP), CX
	MOVQ         terms+16(FP), AX
	MASK
	VPXORD       Z15, Z15, Z15
	VBROADCASTSS (AX), Z7
	VBROADCASTSS 4(AX), Z8
	VBROADCASTSS 8(AX), Z9
	VBROADCASTSS 12(AX), Z10
	VBROADCASTSS 16(AX), Z11
	VBROADCASTSS 20(AX), Z12
	VBROADCASTSS 24(AX), Z13
	VBROADCASTSS 28(AX), Z14
	VBROADCASTSS 32(AX), Z16
	VBROADCASTSS 36(AX), Z17
	VBROADCASTSS 40(AX), Z18
	VBROADCASTSS 44(AX), Z19
	VBROADCASTSS 48(AX), Z20
	VBROADCASTSS 52(AX), Z21
	TESTQ        CX, CX
	JZ           geluLast

geluVector:
	VMOVUPS (DI), Z0
	GELU
	VMOVUPS Z3, (DI)
	ADDQ    $64, DI
	DECQ    CX
	JNZ     geluVector

geluLast:
	VMOVUPS.Z (DI), K1, Z0
	GELU
	VMOVUPS   Z3, K1, (DI)
	VZEROUPPER
	RET

// func dequantizeAVX512(dst *float32, n int, sums *int32, rowScale float32, outScale, bias *float32)
TEXT ·dequantizeAVX512(SB), NOSPLIT, $0-48
	MOVQ         dst+0(FP), DI
	MOVQ         n+8(FP), CX
	MOVQ         sums+16(FP), SI
	VBROADCASTSS rowScale+24(FP), Z15
	MOVQ         outScale+32(FP), R8
	MOVQ         bias+40(FP), R9
	MASK
	XORL         AX, AX
	TESTQ        CX, CX
	JZ           dequantizeLast

dequantizeVector:
	VCVTDQ2PS (SI)(AX*1), Z0
	VMULPS    Z15, Z0, Z0
	VMULPS    (R8)(AX*1), Z0, Z0
	VADDPS    (R9)(AX*1), Z0, Z0
	VMOVUPS   Z0, (DI)(AX*1)
	ADDQ      $64, AX
	DECQ      CX
	JNZ       dequantizeVector

dequantizeLast:
	VCVTDQ2PS.Z (SI)(AX*1), K1, Z0
	VMULPS      Z15, Z0, Z0
	VMULPS.Z    (R8)(AX*1), Z0, K1, Z0
	VADDPS.Z    (R9)(AX*1), Z0, K1, Z0
	VMOVUPS     Z0, K1, (DI)(AX*1)
	VZEROUPPER
	RET

// func softmaxAVX512(x *float32, room, rows, of int, terms *float32)
TEXT ·softmaxAVX512(SB), NOSPLIT, $0-40
	MOVQ         x+0(FP), DI
	MOVQ         room+8(FP), R12
	MOVQ         of+24(FP), CX
	MOVQ         terms+32(FP), AX
	SHLQ         $2, R12
	VBROADCASTSS (AX), Z6
	VBROADCASTSS 4(AX), Z7
	VBROADCASTSS 8(AX), Z8
	VBROADCASTSS 12(AX), Z9
	VBROADCASTSS 16(AX), Z10
	VBROADCASTSS 20(AX), Z11
	VBROADCASTSS 24(AX), Z12
	VBROADCASTSS 28(AX), Z13
	VBROADCASTSS 32(AX), Z14
	VBROADCASTSS 36(AX), Z15
	MASK
	MOVQ         CX, R11
	SHLQ         $6, R11          // where the last vector stands
	MOVQ         rows+16(FP), CX

softmaxRow:
	VBROADCASTSS (DI), Z5         // the largest number
	VMOVAPS      Z5, Z0
	VMOVUPS      (DI)(R11*1), K1, Z0
	VMAXPS       Z0, Z5, Z5
	XORL         DX, DX
	JMP          softmaxTopNext

softmaxTop:
	VMAXPS (DI)(DX*1), Z5, Z5
	ADDQ   $64, DX

softmaxTopNext:
	CMPQ DX, R11
	JB   softmaxTop

	VSHUFF64X2 $0x4e, Z5, Z5, Z0
	VMAXPS     Z0, Z5, Z5
	VSHUFF64X2 $0xb1, Z5, Z5, Z0
	VMAXPS     Z0, Z5, Z5
	VSHUFPS    $0x4e, Z5, Z5, Z0
	VMAXPS     Z0, Z5, Z5
	VSHUFPS    $0xb1, Z5, Z5, Z0
	VMAXPS     Z0, Z5, Z5
	VXORPS     Y4, Y4, Y4         // the sums
	XORL       DX, DX

softmaxExp:
	VMOVUPS (DI)(DX*1), Z0
	VSUBPS  Z5, Z0, Z0
	VMAXPS  Z6, Z0, Z0
	VMULPS  Z7, Z0, Z1
	VADDPS  Z8, Z1, Z1
	VSUBPS  Z8, Z1, Z2
	VMULPS  Z9, Z2, Z3
	VSUBPS  Z3, Z0, Z0
	VMULPS  Z10, Z2, Z3
	VSUBPS  Z3, Z0, Z0
	VMULPS  Z0, Z11, Z2
	VADDPS  Z12, Z2, Z2
	VMULPS  Z0, Z2, Z2
	VADDPS  Z13, Z2, Z2
	VMULPS  Z0, Z2, Z2
	VADDPS  Z14, Z2, Z2
	VMULPS  Z0, Z2, Z2
	VADDPS  Z15, Z2, Z2
	VMULPS  Z0, Z2, Z2
	VADDPS  Z15, Z2, Z2
	VPSLLD  $23, Z1, Z1
	VPADDD  Z1, Z2, Z0
	CMPQ    DX, R11
	JNE     softmaxSum
	VMOVAPS.Z Z0, K1, Z0

softmaxSum:
	VMOVUPS       Z0, (DI)(DX*1)
	VADDPS        Y0, Y4, Y4
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y4, Y4
	ADDQ          $64, DX
	CMPQ          DX, R11
	JBE           softmaxExp

	VHADDPS      Y4, Y4, Y4
	VHADDPS      Y4, Y4, Y4
	VEXTRACTF128 $1, Y4, X0
	VADDSS       X0, X4, X4
	VDIVSS       X4, X15, X4
	VBROADCASTSS X4, Z4
	XORL         DX, DX

softmaxShare:
	VMULPS  (DI)(DX*1), Z4, Z0
	VMOVUPS Z0, (DI)(DX*1)
	ADDQ    $64, DX
	CMPQ    DX, R11
	JBE     softmaxShare

	ADDQ R12, DI
	DECQ CX
	JNZ  softmaxRow
	VZEROUPPER
	RET
