target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) strictfp #0 {
entry:
%count = alloca i64
%next = alloca i64
%f10 = getelementptr i8, ptr %hart, i64 336
%f11 = getelementptr i8, ptr %hart, i64 344
%x1 = getelementptr i8, ptr %hart, i64 8
%pc = getelementptr i8, ptr %hart, i64 512
%instructions = getelementptr i8, ptr %hart, i64 1024
%blocks = getelementptr i8, ptr %hart, i64 1032
%block_pc = getelementptr i8, ptr %hart, i64 1040
%request = getelementptr i8, ptr %hart, i64 1536
%reservation = getelementptr i8, ptr %hart, i64 624
%reserved = getelementptr i8, ptr %hart, i64 632
%status = getelementptr i8, ptr %hart, i64 536
%float_control = getelementptr i8, ptr %hart, i64 520
%exit = getelementptr i8, ptr %frame, i64 0
%detail = getelementptr i8, ptr %frame, i64 8
%since = getelementptr i8, ptr %frame, i64 104
%p0 = getelementptr i8, ptr %frame, i64 24
%p1 = load ptr, ptr %p0
store i64 %running, ptr %count
%base = and i64 %to_pc, -4096
%v27 = sub i64 %to_pc, %base
%v28 = lshr i64 %v27, 1
store i64 %v28, ptr %next
br label %dispatch
dispatch:
%v29 = load i64, ptr %next
switch i64 %v29, label %out [
i64 0, label %e_0
]
e_0:
br label %r_0
d_0:
br label %dispatch
out:
%v30 = load i64, ptr %next
%v31 = shl i64 %v30, 1
%v32 = add i64 %v31, %base
%v33 = sub i64 %v32, 2147483648
%t4 = icmp ult i64 %v33, 1048576
br i1 %t4, label %inside11, label %away
inside11:
%p2 = getelementptr i8, ptr %frame, i64 16
%p3 = load ptr, ptr %p2
%v34 = lshr i64 %v33, 12
%v35 = shl i64 %v34, 3
%p4 = getelementptr i8, ptr %p3, i64 %v35
%p5 = load ptr, ptr %p4
%v36 = and i64 %v32, 4095
%v37 = shl i64 %v36, 2
%p6 = getelementptr i8, ptr %p5, i64 %v37
%p7 = load ptr, ptr %p6
%v38 = ptrtoint ptr %p7 to i64
%t5 = icmp ne i64 %v38, 0
br i1 %t5, label %found12, label %away
found12:
%v39 = load i64, ptr %count
musttail call preserve_nonecc void %p7(ptr %hart, ptr poison, i64 %v39, ptr %frame, ptr %origin, i64 poison, i64 %v32)
ret void
look:
%v40 = load i64, ptr %next
%v41 = shl i64 %v40, 1
%v42 = add i64 %v41, %base
%v43 = load i64, ptr %count
%v44 = load i64, ptr %since
%v45 = sub i64 %v43, %v44
%v46 = ashr i64 %v45, 20
%v47 = and i64 %v45, 1048575
%v48 = load i64, ptr %instructions
%v49 = add i64 %v48, %v46
store i64 %v49, ptr %instructions
%v50 = load i64, ptr %blocks
%v51 = add i64 %v50, %v47
store i64 %v51, ptr %blocks
store i64 -17179869184, ptr %count
store i64 %v42, ptr %block_pc
store i64 -17179869184, ptr %since
%v52 = call preserve_mostcc i64 @asked(ptr %hart, ptr %frame)
%t6 = icmp eq i64 %v52, 0
br i1 %t6, label %go13, label %stop14
stop14:
store i64 1, ptr %exit
store i64 %v42, ptr %pc
br label %leave
go13:
%p8 = getelementptr i8, ptr %frame, i64 96
%p9 = load ptr, ptr %p8
%p10 = getelementptr i8, ptr %p9, i64 64
%v53 = load i64, ptr %p10
%v54 = and i64 %v53, 4095
%v55 = shl i64 %v54, 3
%p11 = getelementptr i8, ptr %p9, i64 %v55
%p12 = getelementptr i8, ptr %p11, i64 128
store i64 %v42, ptr %p12
%v56 = add i64 %v53, 1
store i64 %v56, ptr %p10
%p13 = getelementptr i8, ptr %frame, i64 168
%p14 = load ptr, ptr %p13
%v57 = load atomic volatile i64, ptr %p14 monotonic, align 8
%t7 = icmp ne i64 %v57, 0
br i1 %t7, label %wake15, label %dispatch
wake15:
store i64 10, ptr %exit
store i64 %v42, ptr %pc
br label %leave
never:
unreachable
r_0:
%v0 = load i64, ptr %count
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2
on1:
br label %b_0
b_0:
%v1 = load i64, ptr %count
%v2 = add i64 %v1, 2097153
store i64 %v2, ptr %count
br label %c_0
f_0:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 2097152
store i64 %v4, ptr %count
br label %c_0
c_0:
%v5 = load i64, ptr %status
%v6 = and i64 %v5, 24576
%t1 = icmp ne i64 %v6, 0
br i1 %t1, label %on3, label %off4
on3:
%v11 = load i64, ptr %float_control
%v12 = lshr i64 %v11, 5
%t2 = icmp ule i64 %v12, 3
br i1 %t2, label %on5, label %off6
on5:
%v17 = load i64, ptr %f10
%v18 = load i64, ptr %f11
%double_0 = bitcast i64 %v17 to double
%double_1 = bitcast i64 %v18 to double
%double_2 = call double @llvm.experimental.constrained.fadd.f64(double %double_0, double %double_1, metadata !"round.dynamic", metadata !"fpexcept.strict")
%v19 = bitcast double %double_2 to i64
%t3 = call i1 @llvm.experimental.constrained.fcmp.f64(double %double_2, double %double_2, metadata !"ord", metadata !"fpexcept.strict")
br label %at7
at7:
br i1 %t3, label %on10, label %nan8
nan8:
br label %from9
from9:
br label %on10
on10:
%v20 = phi i64 [ %v19, %at7 ], [ 9221120237041090560, %from9 ]
store i64 %v20, ptr %f10
%v21 = load i64, ptr %x1
%v22 = add i64 %v21, 0
%v23 = and i64 %v22, -2
%v24 = add i64 %base, 6
%v25 = sub i64 %v23, %base
%v26 = lshr i64 %v25, 1
store i64 %v26, ptr %next
br label %d_0
off2:
store i64 0, ptr %next
br label %look
off4:
%v7 = load i64, ptr %count
%v8 = add i64 %v7, -1048576
store i64 %v8, ptr %count
store i64 45446483, ptr %detail
store i64 3, ptr %exit
%v9 = add i64 %base, 0
store i64 %v9, ptr %pc
%v10 = add i64 %base, 0
store i64 %v10, ptr %block_pc
br label %l_0
off6:
%v13 = load i64, ptr %count
%v14 = add i64 %v13, -1048576
store i64 %v14, ptr %count
store i64 45446483, ptr %detail
store i64 11, ptr %exit
%v15 = add i64 %base, 0
store i64 %v15, ptr %pc
%v16 = add i64 %base, 0
store i64 %v16, ptr %block_pc
br label %l_0
l_0:
br label %leave
away:
%v58 = load i64, ptr %next
%v59 = shl i64 %v58, 1
%v60 = add i64 %v59, %base
%p15 = getelementptr i8, ptr %frame, i64 208
%p16 = load ptr, ptr %p15
%v61 = ptrtoint ptr %p16 to i64
%t8 = icmp ne i64 %v61, 0
br i1 %t8, label %interpreter16, label %none17
interpreter16:
%v62 = load i64, ptr %count
musttail call preserve_nonecc void %p16(ptr %hart, ptr poison, i64 %v62, ptr %frame, ptr %origin, i64 poison, i64 %v60)
ret void
none17:
store i64 %v60, ptr %pc
br label %leave
leave:
%v63 = load i64, ptr %count
%v64 = load i64, ptr %since
%v65 = sub i64 %v63, %v64
%v66 = ashr i64 %v65, 20
%v67 = and i64 %v65, 1048575
%v68 = load i64, ptr %instructions
%v69 = add i64 %v68, %v66
store i64 %v69, ptr %instructions
%v70 = load i64, ptr %blocks
%v71 = add i64 %v70, %v67
store i64 %v71, ptr %blocks
store i64 %v63, ptr %since
ret void
}
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
define internal preserve_mostcc i64 @asked(ptr noalias %hart, ptr noalias %frame) noinline #0 {
entry:
%request = getelementptr i8, ptr %hart, i64 1536
%v0 = load atomic volatile i64, ptr %request monotonic, align 8
%p0 = getelementptr i8, ptr %hart, i64 1544
%v1 = load atomic volatile i64, ptr %p0 monotonic, align 8
%v2 = or i64 %v0, %v1
%p1 = getelementptr i8, ptr %hart, i64 1920
%v3 = load atomic volatile i64, ptr %p1 monotonic, align 8
%t0 = icmp ne i64 %v3, -1
%p2 = getelementptr i8, ptr %frame, i64 320
%v4 = load i64, ptr %p2
%t1 = icmp ne i64 %v4, 0
%t2 = and i1 %t0, %t1
br i1 %t2, label %clock1, label %plain2
plain2:
ret i64 %v2
clock1:
%p3 = inttoptr i64 %v4 to ptr
%v5 = call i64 %p3(ptr %hart, ptr %frame)
%v6 = or i64 %v2, %v5
ret i64 %v6
}
