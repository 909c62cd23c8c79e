target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) #0 {
entry:
%count = alloca i64
%next = alloca i64
%hart_x1 = getelementptr i8, ptr %hart, i64 8
%x1 = alloca i64
%hart_x10 = getelementptr i8, ptr %hart, i64 80
%x10 = alloca i64
%hart_x11 = getelementptr i8, ptr %hart, i64 88
%x11 = alloca i64
%pc = getelementptr i8, ptr %hart, i64 512
%instructions = getelementptr i8, ptr %hart, i64 1024
%blocks = getelementptr i8, ptr %hart, i64 1032
%block_pc = getelementptr i8, ptr %hart, i64 1040
%request = getelementptr i8, ptr %hart, i64 1536
%context = getelementptr i8, ptr %hart, i64 1184
%reservation = getelementptr i8, ptr %hart, i64 624
%reserved = getelementptr i8, ptr %hart, i64 632
%status = getelementptr i8, ptr %hart, i64 536
%float_control = getelementptr i8, ptr %hart, i64 520
%exit = getelementptr i8, ptr %frame, i64 0
%detail = getelementptr i8, ptr %frame, i64 8
%since = getelementptr i8, ptr %frame, i64 104
%p16 = getelementptr i8, ptr %frame, i64 24
%p17 = load ptr, ptr %p16, !tbaa !2
%p18 = getelementptr i8, ptr %p17, i64 0
%function0 = load ptr, ptr %p18, !tbaa !2
%p19 = getelementptr i8, ptr %p17, i64 8
%data0 = load i64, ptr %p19, !tbaa !2
%p20 = getelementptr i8, ptr %p17, i64 8
%table0 = load ptr, ptr %p20, !tbaa !2
%cursor0 = alloca ptr
%emitter0 = inttoptr i64 %data0 to ptr
%cursor_at0 = getelementptr i8, ptr %emitter0, i64 96
%limit_at0 = getelementptr i8, ptr %emitter0, i64 104
%cpu_at0 = getelementptr i8, ptr %emitter0, i64 40
%p21 = load ptr, ptr %cursor_at0, !tbaa !2
store ptr %p21, ptr %cursor0, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v29 = sub i64 %to_pc, %base
%v30 = lshr i64 %v29, 1
store i64 %v30, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v31 = load i64, ptr %next, !tbaa !1
switch i64 %v31, label %out [
i64 0, label %e_0
]
e_0:
%v32 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v32, ptr %x1, !tbaa !1
%v33 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v33, ptr %x11, !tbaa !1
br label %r_0
d_0:
br label %d_out8
d_out8:
%v34 = load i64, ptr %x10, !tbaa !1
store i64 %v34, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v35 = load i64, ptr %next, !tbaa !1
%v36 = shl i64 %v35, 1
%v37 = add i64 %v36, %base
%v38 = sub i64 %v37, 2147483648
%t3 = icmp ult i64 %v38, 1048576
br i1 %t3, label %inside9, label %away, !prof !8
inside9:
%v39 = lshr i64 %v38, 12
%v40 = shl i64 %v39, 3
%p22 = getelementptr i8, ptr %frame, i64 16
%p23 = load ptr, ptr %p22, !tbaa !2
%p24 = getelementptr i8, ptr %p23, i64 %v40
%p25 = load ptr, ptr %p24, !tbaa !2
%v41 = and i64 %v37, 4095
%v42 = shl i64 %v41, 2
%p26 = getelementptr i8, ptr %p25, i64 %v42
%p27 = load ptr, ptr %p26, !tbaa !2
%v43 = ptrtoint ptr %p27 to i64
%t4 = icmp ne i64 %v43, 0
br i1 %t4, label %found10, label %away, !prof !8
found10:
%p28 = load ptr, ptr %cursor0, !tbaa !2
store ptr %p28, ptr %cursor_at0, !tbaa !2
%v44 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p27(ptr %hart, ptr poison, i64 %v44, ptr %frame, ptr %origin, i64 poison, i64 %v37)
ret void
never:
unreachable
r_0:
%v0 = load i64, ptr %count, !tbaa !2
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2, !prof !8
on1:
br label %b_0
b_0:
%v1 = load i64, ptr %count, !tbaa !2
%v2 = add i64 %v1, 3145729
store i64 %v2, ptr %count, !tbaa !2
br label %c_0
f_0:
%v3 = load i64, ptr %count, !tbaa !2
%v4 = add i64 %v3, 3145728
store i64 %v4, ptr %count, !tbaa !2
br label %c_0
c_0:
%v5 = load i64, ptr %x11, !tbaa !1
%v6 = add i64 %v5, 0
%v7 = add i64 %v5, -2147483648
%t1 = icmp ult i64 %v7, 1048553
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%p0 = getelementptr i8, ptr %origin, i64 %v6
%v10 = load volatile i64, ptr %p0, align 1, !tbaa !3
%p1 = load ptr, ptr %cursor0, !tbaa !2
%v11 = load i64, ptr %limit_at0, !tbaa !2
%v12 = load i64, ptr %cpu_at0, !tbaa !2
%v13 = load i64, ptr %context, !tbaa !2
%v14 = shl i64 %v13, 32
%v15 = or i64 %v12, %v14
%v16 = ptrtoint ptr %p1 to i64
%v17 = add i64 %v16, 64
%t2 = icmp ule i64 %v17, %v11
br label %look5
look5:
br i1 %t2, label %room6, label %full7, !prof !8
room6:
%p3 = phi ptr [ %p1, %look5 ], [ %p2, %full7 ]
%v18 = or i64 %v15, 524288
%v19 = add i64 %base, 0
%p4 = getelementptr i8, ptr %p3, i64 0
store i64 %v19, ptr %p4, !tbaa !4
%p5 = getelementptr i8, ptr %p3, i64 8
store i64 %v6, ptr %p5, !tbaa !4
%p6 = getelementptr i8, ptr %p3, i64 16
store i64 %v10, ptr %p6, !tbaa !4
%p7 = getelementptr i8, ptr %p3, i64 24
store i64 %v18, ptr %p7, !tbaa !4
store i64 %v10, ptr %x10, !tbaa !1
%v20 = add i64 %v5, 16
%p8 = getelementptr i8, ptr %origin, i64 %v20
%v21 = or i64 %v15, 17301504
%v22 = add i64 %base, 4
%p9 = getelementptr i8, ptr %p3, i64 32
store i64 %v22, ptr %p9, !tbaa !4
%p10 = getelementptr i8, ptr %p3, i64 40
store i64 %v20, ptr %p10, !tbaa !4
%p11 = getelementptr i8, ptr %p3, i64 48
store i64 %v10, ptr %p11, !tbaa !4
%p12 = getelementptr i8, ptr %p3, i64 56
store i64 %v21, ptr %p12, !tbaa !4
store volatile i64 %v10, ptr %p8, align 1, !tbaa !3
%v23 = load i64, ptr %x1, !tbaa !1
%v24 = add i64 %v23, 0
%v25 = and i64 %v24, -2
%v26 = add i64 %base, 10
%p15 = getelementptr i8, ptr %p3, i64 64
store ptr %p15, ptr %cursor0, !tbaa !2
%v27 = sub i64 %v25, %base
%v28 = lshr i64 %v27, 1
store i64 %v28, ptr %next, !tbaa !1
br label %d_0
off2:
%p36 = load ptr, ptr %cursor0, !tbaa !2
store ptr %p36, ptr %cursor_at0, !tbaa !2
%p37 = getelementptr i8, ptr %frame, i64 56
%p38 = load ptr, ptr %p37, !tbaa !2
call void %p38(i64 %data0, i64 0, i64 0, i64 0, i64 0, i64 0)
store i64 0, ptr %next, !tbaa !1
br label %l_0
off4:
%v8 = load i64, ptr %count, !tbaa !2
%v9 = add i64 %v8, -3145728
store i64 %v9, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
full7:
store ptr %p1, ptr %cursor_at0, !tbaa !2
%p13 = getelementptr i8, ptr %frame, i64 48
%p14 = load ptr, ptr %p13, !tbaa !2
call void @call_out(ptr %float_control, ptr %frame, ptr %p14, i64 %data0, i64 2, i64 0, i64 0, i64 0, i64 0)
%p2 = load ptr, ptr %cursor_at0, !tbaa !2
store ptr %p2, ptr %cursor0, !tbaa !2
br label %room6
l_0:
br label %to_look
t_0:
%v45 = add i64 %base, 0
store i64 %v45, ptr %block_pc, !tbaa !2
br label %take
take:
%v46 = load i64, ptr %next, !tbaa !1
%v47 = shl i64 %v46, 1
%v48 = add i64 %v47, %base
%p29 = getelementptr i8, ptr %frame, i64 336
%p30 = load ptr, ptr %p29, !tbaa !2
%p31 = load ptr, ptr %cursor0, !tbaa !2
store ptr %p31, ptr %cursor_at0, !tbaa !2
%v49 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p30(ptr %hart, ptr poison, i64 %v49, ptr %frame, ptr %origin, i64 poison, i64 %v48)
ret void
away:
%v50 = load i64, ptr %next, !tbaa !1
%v51 = shl i64 %v50, 1
%v52 = add i64 %v51, %base
%p32 = getelementptr i8, ptr %frame, i64 208
%p33 = load ptr, ptr %p32, !tbaa !2
%p34 = load ptr, ptr %cursor0, !tbaa !2
store ptr %p34, ptr %cursor_at0, !tbaa !2
%v53 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p33(ptr %hart, ptr poison, i64 %v53, ptr %frame, ptr %origin, i64 poison, i64 %v52)
ret void
to_look:
%v54 = load i64, ptr %next, !tbaa !1
%v55 = shl i64 %v54, 1
%v56 = add i64 %v55, %base
store i64 %v56, ptr %pc, !tbaa !2
store i64 %v56, ptr %block_pc, !tbaa !2
br label %leave
leave:
%p35 = load ptr, ptr %cursor0, !tbaa !2
store ptr %p35, ptr %cursor_at0, !tbaa !2
%v57 = load i64, ptr %count, !tbaa !2
%v58 = load i64, ptr %since, !tbaa !2
%v59 = sub i64 %v57, %v58
%v60 = ashr i64 %v59, 20
%v61 = and i64 %v59, 1048575
%v62 = load i64, ptr %instructions, !tbaa !2
%v63 = add i64 %v62, %v60
store i64 %v63, ptr %instructions, !tbaa !2
%v64 = load i64, ptr %blocks, !tbaa !2
%v65 = add i64 %v64, %v61
store i64 %v65, ptr %blocks, !tbaa !2
store i64 %v57, ptr %since, !tbaa !2
ret void
}
@slot = external hidden global i8, !absolute_symbol !6
@slot_table = external hidden global i8, !absolute_symbol !6
!6 = !{i64 0, i64 2147483647}
declare i32 @llvm.ctlz.i32(i32, i1)
declare i64 @llvm.ctlz.i64(i64, i1)
declare i32 @llvm.cttz.i32(i32, i1)
declare i64 @llvm.cttz.i64(i64, i1)
declare i32 @llvm.ctpop.i32(i32)
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.bswap.i64(i64)
declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.readcyclecounter()
declare {i64, i32} @llvm.x86.rdtscp()
attributes #0 = { nounwind }
!10 = !{!"root"}
!1 = !{!11, !11, i64 0}
!11 = !{!"register", !10, i64 0}
!2 = !{!12, !12, i64 0}
!12 = !{!"counter", !10, i64 0}
!3 = !{!13, !13, i64 0}
!13 = !{!"memory", !10, i64 0}
!4 = !{!14, !14, i64 0}
!14 = !{!"record", !10, i64 0}
!8 = !{!"branch_weights", i32 1000000, i32 1}
define internal void @call_out(ptr %float_control, ptr %frame, ptr %function, i64 %data, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e) noinline #0 {
%p0 = getelementptr i8, ptr %frame, i64 40
call void @llvm.x86.sse.stmxcsr(ptr %p0)
%i32_0 = load i32, ptr %p0
%v0 = zext i32 %i32_0 to i64
%v1 = load i64, ptr %float_control
%v2 = lshr i64 %v0, 5
%v3 = and i64 %v2, 1
%v4 = or i64 %v1, %v3
%v5 = lshr i64 %v0, 3
%v6 = and i64 %v5, 2
%v7 = or i64 %v4, %v6
%v8 = lshr i64 %v0, 1
%v9 = and i64 %v8, 4
%v10 = or i64 %v7, %v9
%v11 = shl i64 %v0, 1
%v12 = and i64 %v11, 8
%v13 = or i64 %v10, %v12
%v14 = shl i64 %v0, 4
%v15 = and i64 %v14, 16
%v16 = or i64 %v13, %v15
store i64 %v16, ptr %float_control
%p1 = getelementptr i8, ptr %frame, i64 40
store i32 8064, ptr %p1
call void @llvm.x86.sse.ldmxcsr(ptr %p1)
call void %function(i64 %data, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e)
%v17 = load i64, ptr %float_control
%v18 = lshr i64 %v17, 5
%v19 = and i64 %v18, 7
%v20 = shl i64 %v19, 1
%v21 = lshr i64 156, %v20
%v22 = and i64 %v21, 3
%v23 = shl i64 %v22, 13
%v24 = or i64 %v23, 8064
%i32_1 = trunc i64 %v24 to i32
%p2 = getelementptr i8, ptr %frame, i64 40
store i32 %i32_1, ptr %p2
call void @llvm.x86.sse.ldmxcsr(ptr %p2)
ret void
}
