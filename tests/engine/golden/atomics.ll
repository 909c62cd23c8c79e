target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) #0 {
entry:
%count = alloca i64
%next = alloca i64
%x1 = getelementptr i8, ptr %hart, i64 8
%x10 = getelementptr i8, ptr %hart, i64 80
%x11 = getelementptr i8, ptr %hart, i64 88
%x12 = getelementptr i8, ptr %hart, i64 96
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
%p2 = getelementptr i8, ptr %frame, i64 24
%p3 = load ptr, ptr %p2
store i64 %running, ptr %count
%base = and i64 %to_pc, -4096
%v45 = sub i64 %to_pc, %base
%v46 = lshr i64 %v45, 1
store i64 %v46, ptr %next
br label %dispatch
dispatch:
%v47 = load i64, ptr %next
switch i64 %v47, label %out [
i64 0, label %e_0
i64 2, label %e_4
i64 4, label %e_8
]
e_0:
br label %r_0
e_4:
br label %r_4
e_8:
br label %r_8
d_8:
br label %dispatch
out:
%v48 = load i64, ptr %next
%v49 = shl i64 %v48, 1
%v50 = add i64 %v49, %base
%v51 = sub i64 %v50, 2147483648
%t11 = icmp ult i64 %v51, 1048576
br i1 %t11, label %inside17, label %away
inside17:
%p4 = getelementptr i8, ptr %frame, i64 16
%p5 = load ptr, ptr %p4
%v52 = lshr i64 %v51, 12
%v53 = shl i64 %v52, 3
%p6 = getelementptr i8, ptr %p5, i64 %v53
%p7 = load ptr, ptr %p6
%v54 = and i64 %v50, 4095
%v55 = shl i64 %v54, 2
%p8 = getelementptr i8, ptr %p7, i64 %v55
%p9 = load ptr, ptr %p8
%v56 = ptrtoint ptr %p9 to i64
%t12 = icmp ne i64 %v56, 0
br i1 %t12, label %found18, label %away
found18:
%v57 = load i64, ptr %count
musttail call preserve_nonecc void %p9(ptr %hart, ptr poison, i64 %v57, ptr %frame, ptr %origin, i64 poison, i64 %v50)
ret void
look:
%v58 = load i64, ptr %next
%v59 = shl i64 %v58, 1
%v60 = add i64 %v59, %base
%v61 = load i64, ptr %count
%v62 = load i64, ptr %since
%v63 = sub i64 %v61, %v62
%v64 = ashr i64 %v63, 20
%v65 = and i64 %v63, 1048575
%v66 = load i64, ptr %instructions
%v67 = add i64 %v66, %v64
store i64 %v67, ptr %instructions
%v68 = load i64, ptr %blocks
%v69 = add i64 %v68, %v65
store i64 %v69, ptr %blocks
store i64 -17179869184, ptr %count
store i64 %v60, ptr %block_pc
store i64 -17179869184, ptr %since
%v70 = call preserve_mostcc i64 @asked(ptr %hart, ptr %frame)
%t13 = icmp eq i64 %v70, 0
br i1 %t13, label %go19, label %stop20
stop20:
store i64 1, ptr %exit
store i64 %v60, ptr %pc
br label %leave
go19:
%p10 = getelementptr i8, ptr %frame, i64 96
%p11 = load ptr, ptr %p10
%p12 = getelementptr i8, ptr %p11, i64 64
%v71 = load i64, ptr %p12
%v72 = and i64 %v71, 4095
%v73 = shl i64 %v72, 3
%p13 = getelementptr i8, ptr %p11, i64 %v73
%p14 = getelementptr i8, ptr %p13, i64 128
store i64 %v60, ptr %p14
%v74 = add i64 %v71, 1
store i64 %v74, ptr %p12
%p15 = getelementptr i8, ptr %frame, i64 168
%p16 = load ptr, ptr %p15
%v75 = load atomic volatile i64, ptr %p16 monotonic, align 8
%t14 = icmp ne i64 %v75, 0
br i1 %t14, label %wake21, label %dispatch
wake21:
store i64 10, ptr %exit
store i64 %v60, ptr %pc
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
%v2 = add i64 %v1, 1048577
store i64 %v2, ptr %count
br label %c_0
f_0:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 1048576
store i64 %v4, ptr %count
br label %c_0
c_0:
%v5 = load i64, ptr %x12
%v6 = load i64, ptr %x11
%v7 = and i64 %v5, 7
%t1 = icmp eq i64 %v7, 0
br i1 %t1, label %on3, label %off4
on3:
%v12 = sub i64 %v5, 2147483648
%t2 = icmp ult i64 %v12, 1048569
br i1 %t2, label %on5, label %off6
on5:
%p0 = getelementptr i8, ptr %origin, i64 %v5
%v17 = atomicrmw volatile add ptr %p0, i64 %v6 seq_cst
store i64 %v17, ptr %x10
br label %b_4
r_4:
%v18 = load i64, ptr %count
%t3 = icmp slt i64 %v18, 0
br i1 %t3, label %on7, label %off8
on7:
br label %b_4
b_4:
%v19 = load i64, ptr %count
%v20 = add i64 %v19, 1048577
store i64 %v20, ptr %count
%v21 = load i64, ptr %x12
%v22 = load i64, ptr %x11
%v23 = and i64 %v21, 7
%t4 = icmp eq i64 %v23, 0
br i1 %t4, label %on9, label %off10
on9:
%v28 = sub i64 %v21, 2147483648
%t5 = icmp ult i64 %v28, 1048569
br i1 %t5, label %on11, label %off12
on11:
%p1 = getelementptr i8, ptr %origin, i64 %v21
%v33 = load i64, ptr %reservation
store i64 -1, ptr %reservation
%t6 = icmp eq i64 %v33, %v21
br i1 %t6, label %try13, label %no14
try13:
%v34 = load i64, ptr %reserved
%exchanged64_0 = cmpxchg volatile ptr %p1, i64 %v34, i64 %v22 seq_cst seq_cst
%t7 = extractvalue { i64, i1 } %exchanged64_0, 1
br label %no14
no14:
%t8 = phi i1 [ %t7, %try13 ], [ false, %on11 ]
%t9 = xor i1 %t8, true
%v35 = zext i1 %t9 to i64
store i64 %v35, ptr %x10
br label %b_8
r_8:
%v36 = load i64, ptr %count
%t10 = icmp slt i64 %v36, 0
br i1 %t10, label %on15, label %off16
on15:
br label %b_8
b_8:
%v37 = load i64, ptr %count
%v38 = add i64 %v37, 1048577
store i64 %v38, ptr %count
%v39 = load i64, ptr %x1
%v40 = add i64 %v39, 0
%v41 = and i64 %v40, -2
%v42 = add i64 %base, 10
%v43 = sub i64 %v41, %base
%v44 = lshr i64 %v43, 1
store i64 %v44, ptr %next
br label %d_8
off2:
store i64 0, ptr %next
br label %look
off4:
%v8 = load i64, ptr %count
%v9 = add i64 %v8, -1048576
store i64 %v9, ptr %count
store i64 %v5, ptr %detail
store i64 6, ptr %exit
%v10 = add i64 %base, 0
store i64 %v10, ptr %pc
%v11 = add i64 %base, 0
store i64 %v11, ptr %block_pc
br label %l_0
off6:
%v13 = load i64, ptr %count
%v14 = add i64 %v13, -1048576
store i64 %v14, ptr %count
store i64 %v5, ptr %detail
store i64 7, ptr %exit
%v15 = add i64 %base, 0
store i64 %v15, ptr %pc
%v16 = add i64 %base, 0
store i64 %v16, ptr %block_pc
br label %l_0
off8:
store i64 2, ptr %next
br label %look
off10:
%v24 = load i64, ptr %count
%v25 = add i64 %v24, -1048576
store i64 %v25, ptr %count
store i64 %v21, ptr %detail
store i64 6, ptr %exit
%v26 = add i64 %base, 4
store i64 %v26, ptr %pc
%v27 = add i64 %base, 4
store i64 %v27, ptr %block_pc
br label %l_4
off12:
%v29 = load i64, ptr %count
%v30 = add i64 %v29, -1048576
store i64 %v30, ptr %count
store i64 %v21, ptr %detail
store i64 7, ptr %exit
%v31 = add i64 %base, 4
store i64 %v31, ptr %pc
%v32 = add i64 %base, 4
store i64 %v32, ptr %block_pc
br label %l_4
off16:
store i64 4, ptr %next
br label %look
l_0:
br label %leave
l_4:
br label %l_0
away:
%v76 = load i64, ptr %next
%v77 = shl i64 %v76, 1
%v78 = add i64 %v77, %base
%p17 = getelementptr i8, ptr %frame, i64 208
%p18 = load ptr, ptr %p17
%v79 = ptrtoint ptr %p18 to i64
%t15 = icmp ne i64 %v79, 0
br i1 %t15, label %interpreter22, label %none23
interpreter22:
%v80 = load i64, ptr %count
musttail call preserve_nonecc void %p18(ptr %hart, ptr poison, i64 %v80, ptr %frame, ptr %origin, i64 poison, i64 %v78)
ret void
none23:
store i64 %v78, ptr %pc
br label %leave
leave:
%v81 = load i64, ptr %count
%v82 = load i64, ptr %since
%v83 = sub i64 %v81, %v82
%v84 = ashr i64 %v83, 20
%v85 = and i64 %v83, 1048575
%v86 = load i64, ptr %instructions
%v87 = add i64 %v86, %v84
store i64 %v87, ptr %instructions
%v88 = load i64, ptr %blocks
%v89 = add i64 %v88, %v85
store i64 %v89, ptr %blocks
store i64 %v81, ptr %since
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
