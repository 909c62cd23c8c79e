target triple = "x86_64-pc-linux-gnu"
define void @page(ptr noalias %hart, ptr noalias %frame, ptr noalias %origin) #0 {
entry:
%count = alloca i64
%next = alloca i64
%hart_x1 = getelementptr i8, ptr %hart, i64 8
%x1 = alloca i64
%hart_x10 = getelementptr i8, ptr %hart, i64 80
%x10 = alloca i64
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
%heat = getelementptr i8, ptr %frame, i64 96
%since = getelementptr i8, ptr %frame, i64 112
%p11 = getelementptr i8, ptr %frame, i64 24
%p12 = load ptr, ptr %p11, !tbaa !2
%p13 = getelementptr i8, ptr %p12, i64 0
%function0 = load ptr, ptr %p13, !tbaa !2
%p14 = getelementptr i8, ptr %p12, i64 8
%data0 = load i64, ptr %p14, !tbaa !2
%p15 = getelementptr i8, ptr %p12, i64 8
%table0 = load ptr, ptr %p15, !tbaa !2
%v86 = load i64, ptr %since, !tbaa !2
store i64 %v86, ptr %count, !tbaa !2
%v87 = load i64, ptr %pc, !tbaa !2
store i64 %v87, ptr %next, !tbaa !1
%v88 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v88, ptr %x1, !tbaa !1
%v89 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v89, ptr %x10, !tbaa !1
br label %dispatch
dispatch:
%v90 = load i64, ptr %next, !tbaa !1
switch i64 %v90, label %out [
i64 2147483648, label %r80000000
]
out:
%v91 = load i64, ptr %next, !tbaa !1
store i64 %v91, ptr %pc, !tbaa !2
br label %leave
leave:
%v92 = load i64, ptr %count, !tbaa !2
%v93 = load i64, ptr %since, !tbaa !2
%v94 = sub i64 %v92, %v93
%v95 = ashr i64 %v94, 20
%v96 = and i64 %v94, 1048575
%v97 = load i64, ptr %instructions, !tbaa !2
%v98 = add i64 %v97, %v95
store i64 %v98, ptr %instructions, !tbaa !2
%v99 = load i64, ptr %blocks, !tbaa !2
%v100 = add i64 %v99, %v96
store i64 %v100, ptr %blocks, !tbaa !2
store i64 %v92, ptr %since, !tbaa !2
%v101 = load i64, ptr %x10, !tbaa !1
store i64 %v101, ptr %hart_x10, !tbaa !1
ret void
never:
unreachable
r80000000:
%v0 = load i64, ptr %count, !tbaa !2
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2, !prof !8
on1:
br label %b80000000
b80000000:
br label %r80000000_1
f80000000:
%v11 = load i64, ptr %count, !tbaa !2
%v12 = add i64 %v11, -1
store i64 %v12, ptr %count, !tbaa !2
%p0 = getelementptr i8, ptr %table0, i64 49152
%v13 = load i64, ptr %p0, !tbaa !2
%v14 = add i64 %v13, -1
store i64 %v14, ptr %p0, !tbaa !2
br label %c80000000
r80000000_1:
br label %c80000000
c80000000:
%v15 = load i64, ptr %x10, !tbaa !1
%v16 = add i64 %v15, -1
store i64 %v16, ptr %x10, !tbaa !1
%t2 = icmp ne i64 %v16, 0
%v17 = zext i1 %t2 to i64
%t3 = icmp ne i64 %v17, 0
br i1 %t3, label %yes5, label %no6
yes5:
br label %r80000000_2
no6:
%v18 = load i64, ptr %count, !tbaa !2
%v19 = add i64 %v18, 2097153
store i64 %v19, ptr %count, !tbaa !2
%p1 = getelementptr i8, ptr %table0, i64 49152
%v20 = load i64, ptr %p1, !tbaa !2
%v21 = add i64 %v20, 1
store i64 %v21, ptr %p1, !tbaa !2
br label %b80000008
r80000000_2:
%v22 = add i64 %v16, -1
store i64 %v22, ptr %x10, !tbaa !1
%t4 = icmp ne i64 %v22, 0
%v23 = zext i1 %t4 to i64
%t5 = icmp ne i64 %v23, 0
br i1 %t5, label %yes7, label %no8
yes7:
br label %r80000000_3
no8:
%v24 = load i64, ptr %count, !tbaa !2
%v25 = add i64 %v24, 4194306
store i64 %v25, ptr %count, !tbaa !2
%p2 = getelementptr i8, ptr %table0, i64 49152
%v26 = load i64, ptr %p2, !tbaa !2
%v27 = add i64 %v26, 2
store i64 %v27, ptr %p2, !tbaa !2
br label %b80000008
r80000000_3:
%v28 = add i64 %v22, -1
store i64 %v28, ptr %x10, !tbaa !1
%t6 = icmp ne i64 %v28, 0
%v29 = zext i1 %t6 to i64
%t7 = icmp ne i64 %v29, 0
br i1 %t7, label %yes9, label %no10
yes9:
br label %r80000000_4
no10:
%v30 = load i64, ptr %count, !tbaa !2
%v31 = add i64 %v30, 6291459
store i64 %v31, ptr %count, !tbaa !2
%p3 = getelementptr i8, ptr %table0, i64 49152
%v32 = load i64, ptr %p3, !tbaa !2
%v33 = add i64 %v32, 3
store i64 %v33, ptr %p3, !tbaa !2
br label %b80000008
r80000000_4:
%v34 = add i64 %v28, -1
store i64 %v34, ptr %x10, !tbaa !1
%t8 = icmp ne i64 %v34, 0
%v35 = zext i1 %t8 to i64
%t9 = icmp ne i64 %v35, 0
br i1 %t9, label %yes11, label %no12
yes11:
br label %r80000000_5
no12:
%v36 = load i64, ptr %count, !tbaa !2
%v37 = add i64 %v36, 8388612
store i64 %v37, ptr %count, !tbaa !2
%p4 = getelementptr i8, ptr %table0, i64 49152
%v38 = load i64, ptr %p4, !tbaa !2
%v39 = add i64 %v38, 4
store i64 %v39, ptr %p4, !tbaa !2
br label %b80000008
r80000000_5:
%v40 = add i64 %v34, -1
store i64 %v40, ptr %x10, !tbaa !1
%t10 = icmp ne i64 %v40, 0
%v41 = zext i1 %t10 to i64
%t11 = icmp ne i64 %v41, 0
br i1 %t11, label %yes13, label %no14
yes13:
br label %r80000000_6
no14:
%v42 = load i64, ptr %count, !tbaa !2
%v43 = add i64 %v42, 10485765
store i64 %v43, ptr %count, !tbaa !2
%p5 = getelementptr i8, ptr %table0, i64 49152
%v44 = load i64, ptr %p5, !tbaa !2
%v45 = add i64 %v44, 5
store i64 %v45, ptr %p5, !tbaa !2
br label %b80000008
r80000000_6:
%v46 = add i64 %v40, -1
store i64 %v46, ptr %x10, !tbaa !1
%t12 = icmp ne i64 %v46, 0
%v47 = zext i1 %t12 to i64
%t13 = icmp ne i64 %v47, 0
br i1 %t13, label %yes15, label %no16
yes15:
br label %r80000000_7
no16:
%v48 = load i64, ptr %count, !tbaa !2
%v49 = add i64 %v48, 12582918
store i64 %v49, ptr %count, !tbaa !2
%p6 = getelementptr i8, ptr %table0, i64 49152
%v50 = load i64, ptr %p6, !tbaa !2
%v51 = add i64 %v50, 6
store i64 %v51, ptr %p6, !tbaa !2
br label %b80000008
r80000000_7:
%v52 = add i64 %v46, -1
store i64 %v52, ptr %x10, !tbaa !1
%t14 = icmp ne i64 %v52, 0
%v53 = zext i1 %t14 to i64
%t15 = icmp ne i64 %v53, 0
br i1 %t15, label %yes17, label %no18
yes17:
br label %r80000000_8
no18:
%v54 = load i64, ptr %count, !tbaa !2
%v55 = add i64 %v54, 14680071
store i64 %v55, ptr %count, !tbaa !2
%p7 = getelementptr i8, ptr %table0, i64 49152
%v56 = load i64, ptr %p7, !tbaa !2
%v57 = add i64 %v56, 7
store i64 %v57, ptr %p7, !tbaa !2
br label %b80000008
r80000000_8:
%v58 = add i64 %v52, -1
store i64 %v58, ptr %x10, !tbaa !1
%t16 = icmp ne i64 %v58, 0
%v59 = zext i1 %t16 to i64
%t17 = icmp ne i64 %v59, 0
br i1 %t17, label %yes19, label %no20
yes19:
%v60 = load i64, ptr %count, !tbaa !2
%v61 = add i64 %v60, 16777224
store i64 %v61, ptr %count, !tbaa !2
%p8 = getelementptr i8, ptr %table0, i64 49152
%v62 = load i64, ptr %p8, !tbaa !2
%v63 = add i64 %v62, 8
store i64 %v63, ptr %p8, !tbaa !2
br label %r80000000
no20:
%v64 = load i64, ptr %count, !tbaa !2
%v65 = add i64 %v64, 16777224
store i64 %v65, ptr %count, !tbaa !2
%p9 = getelementptr i8, ptr %table0, i64 49152
%v66 = load i64, ptr %p9, !tbaa !2
%v67 = add i64 %v66, 8
store i64 %v67, ptr %p9, !tbaa !2
br label %b80000008
r80000008:
%v68 = load i64, ptr %count, !tbaa !2
%t18 = icmp slt i64 %v68, 0
br i1 %t18, label %on21, label %off22, !prof !8
on21:
br label %b80000008
b80000008:
%v79 = load i64, ptr %count, !tbaa !2
%v80 = add i64 %v79, 1048577
store i64 %v80, ptr %count, !tbaa !2
%p10 = getelementptr i8, ptr %table0, i64 49184
%v81 = load i64, ptr %p10, !tbaa !2
%v82 = add i64 %v81, 1
store i64 %v82, ptr %p10, !tbaa !2
%v83 = load i64, ptr %x1, !tbaa !1
%v84 = add i64 %v83, 0
%v85 = and i64 %v84, -2
store i64 %v85, ptr %next, !tbaa !1
br label %dispatch
off2:
%v1 = load i64, ptr %count, !tbaa !2
%v2 = load i64, ptr %since, !tbaa !2
%v3 = sub i64 %v1, %v2
%v4 = ashr i64 %v3, 20
%v5 = and i64 %v3, 1048575
%v6 = load i64, ptr %instructions, !tbaa !2
%v7 = add i64 %v6, %v4
store i64 %v7, ptr %instructions, !tbaa !2
%v8 = load i64, ptr %blocks, !tbaa !2
%v9 = add i64 %v8, %v5
store i64 %v9, ptr %blocks, !tbaa !2
store i64 -274877906944, ptr %count, !tbaa !2
store i64 2147483648, ptr %block_pc, !tbaa !2
store i64 -274877906944, ptr %since, !tbaa !2
%v10 = load atomic volatile i64, ptr %request monotonic, align 8
%t1 = icmp eq i64 %v10, 0
br i1 %t1, label %go3, label %stop4
stop4:
store i64 1, ptr %exit, !tbaa !2
store i64 2147483648, ptr %pc, !tbaa !2
br label %leave
go3:
br label %on1
off22:
%v69 = load i64, ptr %count, !tbaa !2
%v70 = load i64, ptr %since, !tbaa !2
%v71 = sub i64 %v69, %v70
%v72 = ashr i64 %v71, 20
%v73 = and i64 %v71, 1048575
%v74 = load i64, ptr %instructions, !tbaa !2
%v75 = add i64 %v74, %v72
store i64 %v75, ptr %instructions, !tbaa !2
%v76 = load i64, ptr %blocks, !tbaa !2
%v77 = add i64 %v76, %v73
store i64 %v77, ptr %blocks, !tbaa !2
store i64 -274877906944, ptr %count, !tbaa !2
store i64 2147483656, ptr %block_pc, !tbaa !2
store i64 -274877906944, ptr %since, !tbaa !2
%v78 = load atomic volatile i64, ptr %request monotonic, align 8
%t19 = icmp eq i64 %v78, 0
br i1 %t19, label %go23, label %stop24
stop24:
store i64 1, ptr %exit, !tbaa !2
store i64 2147483656, ptr %pc, !tbaa !2
br label %leave
go23:
br label %on21
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
