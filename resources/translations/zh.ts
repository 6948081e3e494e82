<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
  <name>reader</name>
  <message>
    <source>Display check</source>
    <translation>显示器检查</translation>
  </message>
  <message>
    <source>All sixteen grey steps can be told apart, also the two darkest and the two brightest.</source>
    <translation>十六级灰阶均可区分，包括最暗和最亮的两级。</translation>
  </message>
  <message>
    <source>In the dark and in the bright square there is a smaller one.</source>
    <translation>暗方块和亮方块中各有一个小方块。</translation>
  </message>
  <message>
    <source>The lines below are sharp and even, also the finest.</source>
    <translation>下方线条清晰均匀，最细的也是。</translation>
  </message>
  <message>
    <source>Something cannot be seen</source>
    <translation>有看不清的</translation>
  </message>
  <message>
    <source>Round {n} of {total} · {condition}</source>
    <translation>第 {n}/{total} 轮 · {condition}</translation>
  </message>
  <message>
    <source>Case {n} of {total}</source>
    <translation>病例 {n}/{total}</translation>
  </message>
  <message>
    <source>A second copy of the log lies in {file}</source>
    <translation>日志副本保存在 {file}</translation>
  </message>
  <message>
    <source>Nothing has been read or changed. Please tell the coordinator.</source>
    <translation>尚未阅片，也未更改任何内容。请告知研究协调员。</translation>
  </message>
  <message>
    <source>Everything marked as saved is safe. Images stay covered until this is mended.</source>
    <translation>所有标为“已保存”的内容均安全。问题解决前图像保持遮盖。</translation>
  </message>
  <message>
    <source>Trained on {data}.</source>
    <translation>训练数据：{data}。</translation>
  </message>
  <message>
    <source>The images</source>
    <translation>图像</translation>
  </message>
  <message>
    <source>Your answer</source>
    <translation>您的答案</translation>
  </message>
  <message>
    <source>Locking, pausing, help</source>
    <translation>锁定、暂停、帮助</translation>
  </message>
  <message>
    <source>Continue with {case}</source>
    <translation>继续：{case}</translation>
  </message>
  <message>
    <source>A validated case is locked: there is no way back to it. P pauses and covers the images.</source>
    <translation>确认后的病例即被锁定，无法返回。按 P 暂停并遮盖图像。</translation>
  </message>
  <message>
    <source>All rounds are finished</source>
    <translation>所有轮次均已完成</translation>
  </message>
  <message>
    <source>Round {n} is finished</source>
    <translation>第 {n} 轮已完成</translation>
  </message>
  <message>
    <source>Round {n}</source>
    <translation>第 {n} 轮</translation>
  </message>
  <message>
    <source>Your earlier answer is shown beside the question.</source>
    <translation>问题旁会显示您先前的答案。</translation>
  </message>
  <message>
    <source>Cases in this round</source>
    <translation>本轮病例数</translation>
  </message>
  <message>
    <source>Answers</source>
    <translation>可选答案</translation>
  </message>
  <message>
    <source>Please tell the coordinator before you read on this screen.</source>
    <translation>请先告知协调员，再用此屏幕阅片。</translation>
  </message>
  <message>
    <source>Round {n} cannot begin on this computer</source>
    <translation>第 {n} 轮无法在本机开始</translation>
  </message>
  <message>
    <source>Left drag</source>
    <translation>左键拖动</translation>
  </message>
  <message>
    <source>Window and level</source>
    <translation>窗宽窗位</translation>
  </message>
  <message>
    <source>Wheel</source>
    <translation>滚轮</translation>
  </message>
  <message>
    <source>Scroll slices; zoom on single images</source>
    <translation>滚动层面；单幅图像缩放</translation>
  </message>
  <message>
    <source>Middle drag</source>
    <translation>中键拖动</translation>
  </message>
  <message>
    <source>Move the image</source>
    <translation>移动图像</translation>
  </message>
  <message>
    <source>One image pixel to one screen pixel</source>
    <translation>图像像素对应屏幕像素</translation>
  </message>
  <message>
    <source>Mark a finding at the pointer</source>
    <translation>在指针处标记病灶</translation>
  </message>
  <message>
    <source>BI-RADS; after 4 then A, B or C</source>
    <translation>BI-RADS；4 之后按 A、B 或 C</translation>
  </message>
  <message>
    <source>Suspicion: type 0 to 100, then Enter</source>
    <translation>可疑度：输入 0 至 100，再按 Enter</translation>
  </message>
  <message>
    <source>Next question; the blue line shows where digits go</source>
    <translation>下一问题；蓝线表示数字输入处</translation>
  </message>
  <message>
    <source>Write a note (Esc leaves it)</source>
    <translation>写备注（Esc 离开）</translation>
  </message>
  <message>
    <source>Locks the case; there is no way back to it</source>
    <translation>锁定病例，无法返回</translation>
  </message>
  <message>
    <source>Covers the images and stops the clock</source>
    <translation>遮盖图像并停止计时</translation>
  </message>
  <message>
    <source>Aid on or off, in rounds that have one</source>
    <translation>在有辅助的轮次中开关辅助</translation>
  </message>
  <message>
    <source>All keys</source>
    <translation>全部按键</translation>
  </message>
  <message>
    <source>training</source>
    <translation>训练</translation>
  </message>
  <message>
    <source>Aid</source>
    <translation>辅助</translation>
  </message>
  <message>
    <source>Pauses by itself after</source>
    <translation>自动暂停</translation>
  </message>
  <message>
    <source>{n} s without input</source>
    <translation>{n} 秒无操作后</translation>
  </message>
  <message>
    <source>{round} opens on {day}.</source>
    <translation>{round} 于 {day} 开放。</translation>
  </message>
  <message>
    <source>Next: {round}.</source>
    <translation>下一步：{round}。</translation>
  </message>
  <message>
    <source>What it is</source>
    <translation>说明</translation>
  </message>
  <message>
    <source>{n} cases read</source>
    <translation>已阅 {n} 例</translation>
  </message>
  <message>
    <source>1 case read</source>
    <translation>已阅 1 例</translation>
  </message>
  <message>
    <source>No sitting can be opened</source>
    <translation>无法开始阅片</translation>
  </message>
  <message>
    <source>This study cannot be read by {name} here</source>
    <translation>{name} 不能在此阅片</translation>
  </message>
  <message>
    <source>this folder holds the package of {name}</source>
    <translation>此文件夹是 {name} 的数据</translation>
  </message>
  <message>
    <source>open the package of {name}</source>
    <translation>请打开 {name} 的数据</translation>
  </message>
  <message>
    <source>Any key puts this away · F8 changes keys</source>
    <translation>按任意键关闭 · F8 更改按键</translation>
  </message>
  <message>
    <source>The identity of {name} cannot be read</source>
    <translation>无法读取 {name} 的身份文件</translation>
  </message>
  <message>
    <source>press a key</source>
    <translation>请按键</translation>
  </message>
  <message>
    <source>Keys</source>
    <translation>按键</translation>
  </message>
  <message>
    <source>Keep</source>
    <translation>保留</translation>
  </message>
  <message>
    <source>Click a key, then press the new one. Answers and their confirmation keep theirs.</source>
    <translation>点击一个按键，再按新的键。答案键和确认键不可更改。</translation>
  </message>
  <message>
    <source>As delivered</source>
    <translation>恢复默认</translation>
  </message>
  <message>
    <source>Cancel</source>
    <translation>取消</translation>
  </message>
  <message>
    <source>Aid not available for this case</source>
    <translation>本病例无可用辅助</translation>
  </message>
  <message>
    <source>Aid: {call}</source>
    <translation>辅助：{call}</translation>
  </message>
  <message>
    <source>Aid: no finding</source>
    <translation>辅助：无发现</translation>
  </message>
  <message>
    <source>Aid is off · {key} shows it</source>
    <translation>辅助已关闭 · 按 {key} 显示</translation>
  </message>
  <message>
    <source>The aid follows your own answer · {key} twice seals it</source>
    <translation>先独立作答，再显示辅助 · 按两次 {key} 封存</translation>
  </message>
  <message>
    <source>threshold</source>
    <translation>阈值</translation>
  </message>
  <message>
    <source>Earlier: {answer} (sealed, R copies)</source>
    <translation>先前：{answer}（已封存，R 复制）</translation>
  </message>
  <message>
    <source>Press Enter again to seal</source>
    <translation>再按 Enter 封存</translation>
  </message>
  <message>
    <source>Press Enter again to lock</source>
    <translation>再按 Enter 锁定</translation>
  </message>
  <message>
    <source>Esc goes back</source>
    <translation>Esc 返回</translation>
  </message>
  <message>
    <source>Seal and show the aid</source>
    <translation>封存并显示辅助</translation>
  </message>
  <message>
    <source>Enter twice · locks your answer without aid</source>
    <translation>按两次 Enter · 锁定无辅助的答案</translation>
  </message>
  <message>
    <source>Validate and next</source>
    <translation>确认并进入下一例</translation>
  </message>
  <message>
    <source>Suspicion of malignancy</source>
    <translation>恶性可疑度</translation>
  </message>
  <message>
    <source>Enter twice · locks this case for round {n}</source>
    <translation>按两次 Enter · 锁定第 {n} 轮的本病例</translation>
  </message>
  <message>
    <source>missing: {what}</source>
    <translation>尚缺：{what}</translation>
  </message>
  <message>
    <source>missing: {what} and {n} more</source>
    <translation>尚缺：{what}，另有 {n} 项</translation>
  </message>
  <message>
    <source>Once more</source>
    <translation>再次输入</translation>
  </message>
  <message>
    <source>The two PINs differ; type them again.</source>
    <translation>两次 PIN 不同，请重新输入。</translation>
  </message>
  <message>
    <source>optional</source>
    <translation>可选</translation>
  </message>
  <message>
    <source>Clinical data</source>
    <translation>临床资料</translation>
  </message>
  <message>
    <source>BI-RADS category</source>
    <translation>BI-RADS 分类</translation>
  </message>
  <message>
    <source>Suspicion of malignancy, 0 to 100</source>
    <translation>恶性可疑度，0 至 100</translation>
  </message>
  <message>
    <source>not answered</source>
    <translation>未作答</translation>
  </message>
  <message>
    <source>not given yet</source>
    <translation>尚未给出</translation>
  </message>
  <message>
    <source>Research use only — not for diagnosis</source>
    <translation>仅供研究 — 不用于诊断</translation>
  </message>
  <message>
    <source>● saved</source>
    <translation>● 已保存</translation>
  </message>
  <message>
    <source>○ saving</source>
    <translation>○ 保存中</translation>
  </message>
  <message>
    <source>{images} linked</source>
    <translation>{images} 已关联</translation>
  </message>
  <message>
    <source>Take this mark back</source>
    <translation>撤销此标记</translation>
  </message>
  <message>
    <source>Findings</source>
    <translation>病灶</translation>
  </message>
  <message>
    <source>None marked · {key} marks at the pointer</source>
    <translation>无标记 · 按 {key} 在指针处标记</translation>
  </message>
  <message>
    <source>Finding {n}</source>
    <translation>病灶 {n}</translation>
  </message>
  <message>
    <source>Note (optional)</source>
    <translation>备注（可选）</translation>
  </message>
  <message>
    <source>Names are pseudonyms. Research use only — not for diagnosis.</source>
    <translation>姓名均为代号。仅供研究 — 不用于诊断。</translation>
  </message>
  <message>
    <source>It says whose entries these are; it does not keep them secret.</source>
    <translation>它表明记录属于谁，但不会加密。</translation>
  </message>
  <message>
    <source>PIN</source>
    <translation>PIN</translation>
  </message>
  <message>
    <source>{title} cannot begin earlier: the days in between let you forget the cases.</source>
    <translation>{title} 不能提前开始：间隔期用于淡忘病例。</translation>
  </message>
  <message>
    <source>The protocol ends a sitting here, so that the last cases are read as freshly as the first.</source>
    <translation>按方案，本次阅片到此结束，使最后的病例与最初的病例同样精力充沛地阅读。</translation>
  </message>
  <message>
    <source>Thank you, all rounds are read.</source>
    <translation>谢谢，所有轮次均已阅完。</translation>
  </message>
  <message>
    <source>Session ended, everything is saved.</source>
    <translation>本次阅片结束，全部已保存。</translation>
  </message>
  <message>
    <source>Receipt for the coordinator: the code belongs to this very log, entry by entry.</source>
    <translation>交给协调员的回执：此代码逐条对应本日志。</translation>
  </message>
  <message>
    <source>{n} entries in the log</source>
    <translation>日志共 {n} 条</translation>
  </message>
  <message>
    <source>Who is reading?</source>
    <translation>谁在阅片？</translation>
  </message>
  <message>
    <source>Reader {name}</source>
    <translation>阅片者 {name}</translation>
  </message>
  <message>
    <source>At least four characters. Your entries on this computer are signed with it.</source>
    <translation>至少四个字符。您在本机的记录将用它签名。</translation>
  </message>
  <message>
    <source>Another reader</source>
    <translation>其他阅片者</translation>
  </message>
  <message>
    <source>Begin  Enter</source>
    <translation>开始  Enter</translation>
  </message>
  <message>
    <source>Check the display</source>
    <translation>检查显示器</translation>
  </message>
  <message>
    <source>Not now</source>
    <translation>暂不</translation>
  </message>
  <message>
    <source>Opens on {day}</source>
    <translation>{day} 开放</translation>
  </message>
  <message>
    <source>End the session  Enter</source>
    <translation>结束阅片  Enter</translation>
  </message>
  <message>
    <source>Continue  Enter</source>
    <translation>继续  Enter</translation>
  </message>
  <message>
    <source>End the session</source>
    <translation>结束阅片</translation>
  </message>
  <message>
    <source>Enough for this sitting</source>
    <translation>本次阅片到此为止</translation>
  </message>
  <message>
    <source>Close  Enter</source>
    <translation>关闭  Enter</translation>
  </message>
  <message>
    <source>Copy the receipt</source>
    <translation>复制回执</translation>
  </message>
  <message>
    <source>Close</source>
    <translation>关闭</translation>
  </message>
  <message>
    <source>Try again  Enter</source>
    <translation>重试  Enter</translation>
  </message>
  <message>
    <source>Choose a PIN</source>
    <translation>设置 PIN</translation>
  </message>
  <message>
    <source>Your PIN</source>
    <translation>您的 PIN</translation>
  </message>
  <message>
    <source>Log in  Enter</source>
    <translation>登录  Enter</translation>
  </message>
  <message>
    <source>Next  Enter</source>
    <translation>下一步  Enter</translation>
  </message>
  <message>
    <source>Check again  Enter</source>
    <translation>重新检查  Enter</translation>
  </message>
  <message>
    <source>Without a PIN</source>
    <translation>不使用 PIN</translation>
  </message>
  <message>
    <source>The clock stands. Your answers so far are kept.</source>
    <translation>计时已停止。已作答案均保留。</translation>
  </message>
  <message>
    <source>Nothing was done for a while, so the clock was stopped.</source>
    <translation>一段时间无操作，计时已停止。</translation>
  </message>
  <message>
    <source>The window was not in front, so the clock was stopped.</source>
    <translation>窗口不在前台，计时已停止。</translation>
  </message>
  <message>
    <source>The computer slept or its clock was changed, so the clock was stopped.</source>
    <translation>计算机休眠或时钟被更改，计时已停止。</translation>
  </message>
  <message>
    <source>Yes  Y</source>
    <translation>是  Y</translation>
  </message>
  <message>
    <source>No  N</source>
    <translation>否  N</translation>
  </message>
  <message>
    <source>Pause</source>
    <translation>暂停</translation>
  </message>
  <message>
    <source>a break is due</source>
    <translation>该休息了</translation>
  </message>
  <message>
    <source>BI-RADS</source>
    <translation>BI-RADS</translation>
  </message>
  <message>
    <source>about {n} min left</source>
    <translation>约剩 {n} 分钟</translation>
  </message>
  <message>
    <source>Right breast · BI-RADS</source>
    <translation>右乳 · BI-RADS</translation>
  </message>
  <message>
    <source>Left breast · BI-RADS</source>
    <translation>左乳 · BI-RADS</translation>
  </message>
  <message>
    <source>case</source>
    <translation>病例</translation>
  </message>
  <message>
    <source>Incomplete</source>
    <translation>评估不完整</translation>
  </message>
  <message>
    <source>Negative</source>
    <translation>阴性</translation>
  </message>
  <message>
    <source>Benign</source>
    <translation>良性</translation>
  </message>
  <message>
    <source>Probably benign, ≤ 2 %</source>
    <translation>可能良性，≤ 2 %</translation>
  </message>
  <message>
    <source>Suspicious, 2–95 %</source>
    <translation>可疑恶性，2–95 %</translation>
  </message>
  <message>
    <source>Low suspicion, 2–10 %</source>
    <translation>低度可疑，2–10 %</translation>
  </message>
  <message>
    <source>Moderate suspicion, 10–50 %</source>
    <translation>中度可疑，10–50 %</translation>
  </message>
  <message>
    <source>High suspicion, 50–95 %</source>
    <translation>高度可疑，50–95 %</translation>
  </message>
  <message>
    <source>Highly suggestive, ≥ 95 %</source>
    <translation>高度提示恶性，≥ 95 %</translation>
  </message>
  <message>
    <source>Biopsy-proven malignancy</source>
    <translation>活检证实的恶性</translation>
  </message>
  <message>
    <source>category</source>
    <translation>分类</translation>
  </message>
  <message>
    <source>suspicion</source>
    <translation>可疑度</translation>
  </message>
  <message>
    <source>the aid</source>
    <translation>辅助</translation>
  </message>
  <message>
    <source>about {n} h left</source>
    <translation>约剩 {n} 小时</translation>
  </message>
  <message>
    <source>unaided</source>
    <translation>无辅助</translation>
  </message>
  <message>
    <source>with aid</source>
    <translation>有辅助</translation>
  </message>
  <message>
    <source>unaided, then aid</source>
    <translation>先无辅助，后有辅助</translation>
  </message>
  <message>
    <source>You read without any aid.</source>
    <translation>本轮阅片无任何辅助。</translation>
  </message>
  <message>
    <source>The aid is on the screen from the start of each case.</source>
    <translation>每个病例开始时即显示辅助。</translation>
  </message>
  <message>
    <source>You answer without the aid first; that answer is sealed; then the aid is shown and you may revise.</source>
    <translation>先在无辅助下作答并封存，然后显示辅助，可再修改。</translation>
  </message>
  <message>
    <source>The aid is on the screen from the start; you decide again on cases you have read before.</source>
    <translation>一开始即显示辅助；对先前阅过的病例再次判断。</translation>
  </message>
  <message>
    <source>right</source>
    <translation>右</translation>
  </message>
  <message>
    <source>left</source>
    <translation>左</translation>
  </message>
  <message>
    <source>Paused</source>
    <translation>已暂停</translation>
  </message>
  <message>
    <source>Reading study</source>
    <translation>阅片研究</translation>
  </message>
  <message>
    <source>Left button: {tool}</source>
    <translation>左键：{tool}</translation>
  </message>
  <message>
    <source>Not possible now: {what}</source>
    <translation>现在不可用：{what}</translation>
  </message>
  <message>
    <source>The program met a fault of its own and has noted it: {what}. Close it and start it again.</source>
    <translation>程序自身出现故障并已记录：{what}。请关闭后重新启动。</translation>
  </message>
  <message>
    <source>Case {name} cannot be shown</source>
    <translation>无法显示病例 {name}</translation>
  </message>
  <message>
    <source>Reading has stopped</source>
    <translation>阅片已停止</translation>
  </message>
  <message>
    <source>The next case is being read from the disk.</source>
    <translation>正在从磁盘读取下一病例。</translation>
  </message>
  <message>
    <source>This study cannot be read yet</source>
    <translation>本研究尚不能阅片</translation>
  </message>
  <message>
    <source>The reading log cannot be opened</source>
    <translation>无法打开阅片日志</translation>
  </message>
  <message>
    <source>This study cannot be opened</source>
    <translation>无法打开本研究</translation>
  </message>
  <message>
    <source>BI-RADS 0 to 6; 4 then A, B or C</source>
    <translation>BI-RADS 0 至 6；4 之后按 A、B 或 C</translation>
  </message>
  <message>
    <source>Take over the earlier answer</source>
    <translation>沿用先前的答案</translation>
  </message>
  <message>
    <source>Next question</source>
    <translation>下一问题</translation>
  </message>
  <message>
    <source>Previous question</source>
    <translation>上一问题</translation>
  </message>
  <message>
    <source>Validate: Enter twice</source>
    <translation>确认：按两次 Enter</translation>
  </message>
  <message>
    <source>Aid on or off</source>
    <translation>开关辅助</translation>
  </message>
  <message>
    <source>aid on/off</source>
    <translation>辅助开/关</translation>
  </message>
  <message>
    <source>Seal the answer and show the aid: twice</source>
    <translation>封存答案并显示辅助：按两次</translation>
  </message>
  <message>
    <source>seal, show aid</source>
    <translation>封存并显示辅助</translation>
  </message>
  <message>
    <source>Next finding of the aid</source>
    <translation>辅助的下一发现</translation>
  </message>
  <message>
    <source>next finding</source>
    <translation>下一发现</translation>
  </message>
  <message>
    <source>Previous finding of the aid</source>
    <translation>辅助的上一发现</translation>
  </message>
  <message>
    <source>mark</source>
    <translation>标记</translation>
  </message>
  <message>
    <source>The chosen finding, here too</source>
    <translation>所选病灶，此处亦是</translation>
  </message>
  <message>
    <source>Remove the chosen mark, or the last one</source>
    <translation>删除所选或最后的标记</translation>
  </message>
  <message>
    <source>Marks on or off</source>
    <translation>显示或隐藏标记</translation>
  </message>
  <message>
    <source>Next hanging step</source>
    <translation>下一挂片步骤</translation>
  </message>
  <message>
    <source>next step</source>
    <translation>下一步</translation>
  </message>
  <message>
    <source>Previous hanging step</source>
    <translation>上一挂片步骤</translation>
  </message>
  <message>
    <source>Invert grey</source>
    <translation>反转灰度</translation>
  </message>
  <message>
    <source>invert</source>
    <translation>反转</translation>
  </message>
  <message>
    <source>fit</source>
    <translation>适合</translation>
  </message>
  <message>
    <source>1:1</source>
    <translation>1:1</translation>
  </message>
  <message>
    <source>True size</source>
    <translation>实际大小</translation>
  </message>
  <message>
    <source>Zoom in</source>
    <translation>放大</translation>
  </message>
  <message>
    <source>Zoom out</source>
    <translation>缩小</translation>
  </message>
  <message>
    <source>First window preset</source>
    <translation>第一窗宽预设</translation>
  </message>
  <message>
    <source>Second window preset</source>
    <translation>第二窗宽预设</translation>
  </message>
  <message>
    <source>Third window preset</source>
    <translation>第三窗宽预设</translation>
  </message>
  <message>
    <source>Everything as first shown</source>
    <translation>恢复初始显示</translation>
  </message>
  <message>
    <source>Next slice</source>
    <translation>下一层</translation>
  </message>
  <message>
    <source>Previous slice</source>
    <translation>上一层</translation>
  </message>
  <message>
    <source>Ten slices on</source>
    <translation>前进十层</translation>
  </message>
  <message>
    <source>Ten slices back</source>
    <translation>后退十层</translation>
  </message>
  <message>
    <source>Next scan position</source>
    <translation>下一扫描位置</translation>
  </message>
  <message>
    <source>Previous scan position</source>
    <translation>上一扫描位置</translation>
  </message>
  <message>
    <source>Next slab thickness</source>
    <translation>下一层厚</translation>
  </message>
  <message>
    <source>Play or stop</source>
    <translation>播放或停止</translation>
  </message>
  <message>
    <source>Next tool for the left button</source>
    <translation>左键的下一工具</translation>
  </message>
  <message>
    <source>Pause: covers the images</source>
    <translation>暂停：遮盖图像</translation>
  </message>
  <message>
    <source>all keys</source>
    <translation>全部按键</translation>
  </message>
  <message>
    <source>Change keys</source>
    <translation>更改按键</translation>
  </message>
  <message>
    <source>Panel to the other side</source>
    <translation>面板换边</translation>
  </message>
  <message>
    <source>Panel on a screen of its own</source>
    <translation>面板放到另一屏幕</translation>
  </message>
  <message>
    <source>Full screen</source>
    <translation>全屏</translation>
  </message>
  <message>
    <source>Answer</source>
    <translation>作答</translation>
  </message>
  <message>
    <source>Images</source>
    <translation>图像</translation>
  </message>
  <message>
    <source>Session</source>
    <translation>阅片</translation>
  </message>
  <message>
    <source>Window and level, or the chosen tool</source>
    <translation>窗宽窗位，或所选工具</translation>
  </message>
  <message>
    <source>Right click</source>
    <translation>右键</translation>
  </message>
  <message>
    <source>Menu</source>
    <translation>菜单</translation>
  </message>
  <message>
    <source>Double click</source>
    <translation>双击</translation>
  </message>
  <message>
    <source>Mark a finding</source>
    <translation>标记病灶</translation>
  </message>
  <message>
    <source>window</source>
    <translation>窗宽窗位</translation>
  </message>
  <message>
    <source>scroll</source>
    <translation>滚动</translation>
  </message>
  <message>
    <source>pan</source>
    <translation>平移</translation>
  </message>
  <message>
    <source>zoom</source>
    <translation>缩放</translation>
  </message>
  <message>
    <source>caliper</source>
    <translation>测量</translation>
  </message>
  <message>
    <source>magnifier</source>
    <translation>放大镜</translation>
  </message>
  <message>
    <source>high risk</source>
    <translation>高风险</translation>
  </message>
  <message>
    <source>low risk</source>
    <translation>低风险</translation>
  </message>
  <message>
    <source>malignant</source>
    <translation>恶性</translation>
  </message>
  <message>
    <source>benign</source>
    <translation>良性</translation>
  </message>
  <message>
    <source>Age</source>
    <translation>年龄</translation>
  </message>
  <message>
    <source>Family history</source>
    <translation>家族史</translation>
  </message>
  <message>
    <source>BRCA</source>
    <translation>BRCA</translation>
  </message>
  <message>
    <source>Density</source>
    <translation>乳腺密度</translation>
  </message>
  <message>
    <source>Symptom</source>
    <translation>症状</translation>
  </message>
  <message>
    <source>Symptoms</source>
    <translation>症状</translation>
  </message>
  <message>
    <source>Menopause</source>
    <translation>绝经</translation>
  </message>
  <message>
    <source>Palpable</source>
    <translation>可触及</translation>
  </message>
  <message>
    <source>CORONAL</source>
    <translation>冠状面</translation>
  </message>
  <message>
    <source>TRANSVERSE</source>
    <translation>横断面</translation>
  </message>
  <message>
    <source>SAGITTAL</source>
    <translation>矢状面</translation>
  </message>
  <message>
    <source>Fit</source>
    <translation>适合窗格</translation>
  </message>
  <message>
    <source>Invert</source>
    <translation>反相</translation>
  </message>
  <message>
    <source>Left button</source>
    <translation>左键</translation>
  </message>
  <message>
    <source>Remove this mark</source>
    <translation>删除此标记</translation>
  </message>
  <message>
    <source>aid: no evidence</source>
    <translation>辅助：无依据</translation>
  </message>
  <message>
    <source>aid: no finding</source>
    <translation>辅助：无发现</translation>
  </message>
  <message>
    <source>aid: not applicable</source>
    <translation>辅助：不适用</translation>
  </message>
  <message>
    <source>aid: not available</source>
    <translation>辅助：不可用</translation>
  </message>
  <message>
    <source>at the nipple</source>
    <translation>位于乳头</translation>
  </message>
  <message>
    <source>colour Doppler</source>
    <translation>彩色多普勒</translation>
  </message>
  <message>
    <source>depth {depth} mm</source>
    <translation>深度 {depth} mm</translation>
  </message>
  <message>
    <source>depth {depth} mm from skin</source>
    <translation>距皮肤深度 {depth} mm</translation>
  </message>
  <message>
    <source>finding {n} of {total}: {what}</source>
    <translation>发现 {n}/{total}：{what}</translation>
  </message>
  <message>
    <source>inverted</source>
    <translation>已反相</translation>
  </message>
  <message>
    <source>maximum</source>
    <translation>最大值</translation>
  </message>
  <message>
    <source>mean</source>
    <translation>平均</translation>
  </message>
  <message>
    <source>minimum</source>
    <translation>最小值</translation>
  </message>
  <message>
    <source>no image</source>
    <translation>无图像</translation>
  </message>
  <message>
    <source>no volume</source>
    <translation>无容积</translation>
  </message>
  <message>
    <source>page {n} of {total}</source>
    <translation>第 {n}/{total} 页</translation>
  </message>
  <message>
    <source>prior</source>
    <translation>既往</translation>
  </message>
  <message>
    <source>prior, {days} days before</source>
    <translation>既往，{days} 天前</translation>
  </message>
  <message>
    <source>prior, {years} years before</source>
    <translation>既往，{years} 年前</translation>
  </message>
  <message>
    <source>slab {thickness} mm {mode}</source>
    <translation>层厚 {thickness} mm {mode}</translation>
  </message>
  <message>
    <source>true size</source>
    <translation>实际大小</translation>
  </message>
  <message>
    <source>ultrasound</source>
    <translation>超声</translation>
  </message>
  <message>
    <source>{distance} mm from chest wall</source>
    <translation>距胸壁 {distance} mm</translation>
  </message>
  <message>
    <source>{distance} mm from nipple</source>
    <translation>距乳头 {distance} mm</translation>
  </message>
  <message>
    <source>{hour} o'clock</source>
    <translation>{hour} 点</translation>
  </message>
  <message>
    <source>{step}, part {n} of {total}</source>
    <translation>{step}，第 {n}/{total} 部分</translation>
  </message>
  <message>
    <source>Play faster</source>
    <translation>加快播放</translation>
  </message>
  <message>
    <source>Play slower</source>
    <translation>减慢播放</translation>
  </message>
  <message>
    <source>{speed} planes a second</source>
    <translation>每秒 {speed} 层</translation>
  </message>
  <message>
    <source>{speed} frames a second</source>
    <translation>每秒 {speed} 帧</translation>
  </message>
  <message>
    <source>The size of this screen is not known: measure it in the display check.</source>
    <translation>此屏幕尺寸未知：请在显示器检查中测量。</translation>
  </message>
  <message>
    <source>This bar is as long as a bank card (85.6 mm). Hold one to the screen; if not:</source>
    <translation>此横条与银行卡等长（85.6 mm）。请将卡贴近屏幕比较；若不等：</translation>
  </message>
  <message>
    <source>shorter</source>
    <translation>缩短</translation>
  </message>
  <message>
    <source>longer</source>
    <translation>加长</translation>
  </message>
  <message>
    <source>Grey levels are painted in 256 steps; a display calibrated to the DICOM GSDF shows them evenly.</source>
    <translation>灰阶以 256 级绘制；按 DICOM GSDF 校准的显示器可均匀显示。</translation>
  </message>
  <message>
    <source>Grey levels are painted in 256 steps through a GSDF table made from this display's measured luminances.</source>
    <translation>灰阶以 256 级绘制，并经由本显示器实测亮度生成的 GSDF 表。</translation>
  </message>
  <message>
    <source>A copy of the log lies in {file}</source>
    <translation>日志副本保存于 {file}</translation>
  </message>
  <message>
    <source>Agree</source>
    <translation>同意</translation>
  </message>
  <message>
    <source>Agree with the chosen finding of the aid</source>
    <translation>同意所选的辅助发现</translation>
  </message>
  <message>
    <source>Any screen</source>
    <translation>任意屏幕</translation>
  </message>
  <message>
    <source>Before the first case</source>
    <translation>第一个病例之前</translation>
  </message>
  <message>
    <source>Choose a folder…</source>
    <translation>选择文件夹…</translation>
  </message>
  <message>
    <source>Digits or a click answer; Enter goes on.</source>
    <translation>用数字键或单击回答；Enter 继续。</translation>
  </message>
  <message>
    <source>Dismiss</source>
    <translation>不同意</translation>
  </message>
  <message>
    <source>Dismiss the chosen finding of the aid</source>
    <translation>不同意所选的辅助发现</translation>
  </message>
  <message>
    <source>Done  Enter</source>
    <translation>完成  Enter</translation>
  </message>
  <message>
    <source>Draw less of the heatmap</source>
    <translation>显示较少热图</translation>
  </message>
  <message>
    <source>Draw more of the heatmap</source>
    <translation>显示更多热图</translation>
  </message>
  <message>
    <source>Draw with the left button: {shape} (Shift: the chosen finding, here too)</source>
    <translation>用左键绘制：{shape}（按住 Shift：所选发现也在此处）</translation>
  </message>
  <message>
    <source>Drawn from</source>
    <translation>显示起点</translation>
  </message>
  <message>
    <source>Enter · this case was training and counts for nothing</source>
    <translation>Enter · 此病例为训练，不计入结果</translation>
  </message>
  <message>
    <source>Folder for second copies of the logs</source>
    <translation>日志第二副本的文件夹</translation>
  </message>
  <message>
    <source>Heatmap fainter</source>
    <translation>热图变淡</translation>
  </message>
  <message>
    <source>Heatmap stronger</source>
    <translation>热图变浓</translation>
  </message>
  <message>
    <source>I see all of it  Enter</source>
    <translation>全部可见  Enter</translation>
  </message>
  <message>
    <source>I see all of it: to the cases  Enter</source>
    <translation>全部可见：开始阅片  Enter</translation>
  </message>
  <message>
    <source>It lies on the same disk as the program's data; a stick or a share is safer.</source>
    <translation>它与程序数据在同一磁盘上；U 盘或共享文件夹更安全。</translation>
  </message>
  <message>
    <source>Kept at every pause and round end while you read. If its disk fails, reading goes on.</source>
    <translation>阅片期间在每次暂停和每轮结束时更新。若该磁盘出错，阅片继续。</translation>
  </message>
  <message>
    <source>Known</source>
    <translation>已知结果</translation>
  </message>
  <message>
    <source>Next</source>
    <translation>下一个</translation>
  </message>
  <message>
    <source>Next shape to mark: point, box, ellipse, outline</source>
    <translation>下一种标记形状：点、框、椭圆、轮廓</translation>
  </message>
  <message>
    <source>No copy of the log could be kept on this computer.</source>
    <translation>无法在此计算机上保存日志副本。</translation>
  </message>
  <message>
    <source>None</source>
    <translation>无</translation>
  </message>
  <message>
    <source>None is kept beside the copy at the end of each session.</source>
    <translation>除每次会话结束时的副本外不再保存。</translation>
  </message>
  <message>
    <source>Nothing can be written into this folder.</source>
    <translation>无法写入此文件夹。</translation>
  </message>
  <message>
    <source>Opacity</source>
    <translation>不透明度</translation>
  </message>
  <message>
    <source>Ready.</source>
    <translation>就绪。</translation>
  </message>
  <message>
    <source>Screen and text</source>
    <translation>屏幕与文字</translation>
  </message>
  <message>
    <source>Second copy of the log</source>
    <translation>日志的第二副本</translation>
  </message>
  <message>
    <source>Shape to mark</source>
    <translation>标记形状</translation>
  </message>
  <message>
    <source>Suspicion of finding {n} (optional) · {key}</source>
    <translation>发现 {n} 的可疑度（可选）· {key}</translation>
  </message>
  <message>
    <source>Suspicion of the chosen finding</source>
    <translation>所选发现的可疑度</translation>
  </message>
  <message>
    <source>Take back the last mark or verdict</source>
    <translation>撤销上一个标记或判定</translation>
  </message>
  <message>
    <source>Text size, from the next start on</source>
    <translation>文字大小（下次启动生效）</translation>
  </message>
  <message>
    <source>The images are on another screen now: {screen}</source>
    <translation>图像现在位于另一屏幕：{screen}</translation>
  </message>
  <message>
    <source>The images belong on</source>
    <translation>图像应显示于</translation>
  </message>
  <message>
    <source>The screen for images ({name}) is not connected; tell the coordinator.</source>
    <translation>图像屏幕（{name}）未连接；请告知协调员。</translation>
  </message>
  <message>
    <source>The second copy is not up to date: {what}</source>
    <translation>第二副本不是最新的：{what}</translation>
  </message>
  <message>
    <source>The window is not on the screen for images ({name}): move it there.</source>
    <translation>窗口不在图像屏幕（{name}）上：请移到那里。</translation>
  </message>
  <message>
    <source>This folder is not there now; plug in its disk.</source>
    <translation>此文件夹当前不存在；请接入其磁盘。</translation>
  </message>
  <message>
    <source>This workstation</source>
    <translation>本工作站</translation>
  </message>
  <message>
    <source>This workstation…</source>
    <translation>本工作站…</translation>
  </message>
  <message>
    <source>Training: what is known of this case</source>
    <translation>训练：此病例的已知结果</translation>
  </message>
  <message>
    <source>a few words, then Enter</source>
    <translation>几个字，然后按 Enter</translation>
  </message>
  <message>
    <source>agree</source>
    <translation>同意</translation>
  </message>
  <message>
    <source>box</source>
    <translation>框</translation>
  </message>
  <message>
    <source>dismiss</source>
    <translation>不同意</translation>
  </message>
  <message>
    <source>ellipse</source>
    <translation>椭圆</translation>
  </message>
  <message>
    <source>finding {n}</source>
    <translation>发现 {n}</translation>
  </message>
  <message>
    <source>known {n}</source>
    <translation>已知 {n}</translation>
  </message>
  <message>
    <source>number from {low} to {high}, then Enter</source>
    <translation>{low} 到 {high} 的数字，然后按 Enter</translation>
  </message>
  <message>
    <source>number, then Enter</source>
    <translation>数字，然后按 Enter</translation>
  </message>
  <message>
    <source>outline</source>
    <translation>轮廓</translation>
  </message>
  <message>
    <source>point</source>
    <translation>点</translation>
  </message>
  <message>
    <source>your word on finding {n} of the aid</source>
    <translation>对辅助发现 {n} 的判定</translation>
  </message>
  <message>
    <source>{name} (not connected)</source>
    <translation>{name}（未连接）</translation>
  </message>
  <message>
    <source>{next} next finding · {agree} agree · {dismiss} dismiss · again takes it back</source>
    <translation>{next} 下一个 · {agree} 同意 · {dismiss} 不同意 · 再按一次撤销</translation>
  </message>
  <message>
    <source>▲ no second copy</source>
    <translation>▲ 无第二副本</translation>
  </message>
  <message>
    <source>The images came to stand on another screen, or it was set up anew, so the clock was stopped.</source>
    <translation>图像移到了另一屏幕，或屏幕设置已更改，因此计时已停止。</translation>
  </message>
  <message>
    <source>Grey levels are painted in 1024 steps through a GSDF table made from this display's measured luminances.</source>
    <translation>灰阶以 1024 级显示，并经由此显示器实测亮度生成的 GSDF 查找表。</translation>
  </message>
  <message>
    <source>Grey levels are painted in 1024 steps; a display calibrated to the DICOM GSDF shows them evenly.</source>
    <translation>灰阶以 1024 级显示；按 DICOM GSDF 校准的显示器可均匀显示。</translation>
  </message>
  <message>
    <source>four views</source>
    <translation>四视图</translation>
  </message>
  <message>
    <source>CC</source>
    <translation>CC</translation>
  </message>
  <message>
    <source>MLO</source>
    <translation>MLO</translation>
  </message>
  <message>
    <source>current and prior, CC</source>
    <translation>本次与既往，CC</translation>
  </message>
  <message>
    <source>current and prior, MLO</source>
    <translation>本次与既往，MLO</translation>
  </message>
  <message>
    <source>Go on  Enter</source>
    <translation>继续  Enter</translation>
  </message>
  <message>
    <source>Time for a break</source>
    <translation>该休息了</translation>
  </message>
  <message>
    <source>You have read for a while without one. No clock is running here; come back when you are rested.</source>
    <translation>您已连续阅片一段时间。此处不计时；休息好再继续。</translation>
  </message>
  <message>
    <source>Fit: all at one size; again: each to its pane</source>
    <translation>适合窗格：统一比例；再按：各自适合</translation>
  </message>
  <message>
    <source>Slab of mean, minimum or maximum</source>
    <translation>厚层显示平均、最小或最大值</translation>
  </message>
  <message>
    <source>same size</source>
    <translation>同比例</translation>
  </message>
  <message>
    <source>current</source>
    <translation>本次</translation>
  </message>
  <message>
    <source>further image</source>
    <translation>另一图像</translation>
  </message>
  <message>
    <source>step {n} of {total}: {what}</source>
    <translation>第 {n}/{total} 步：{what}</translation>
  </message>
  <message>
    <source>cine loop, frame {n} of {total}</source>
    <translation>动态图像，第 {n}/{total} 帧</translation>
  </message>
  <message>
    <source>{n} of {total}</source>
    <translation>{n}/{total}</translation>
  </message>
  <message>
    <source>spot compression</source>
    <translation>点压</translation>
  </message>
  <message>
    <source>magnification</source>
    <translation>放大</translation>
  </message>
  <message>
    <source>implant displaced</source>
    <translation>假体移位</translation>
  </message>
  <message>
    <source>partial view</source>
    <translation>部分视图</translation>
  </message>
  <message>
    <source>synthetic 2-D</source>
    <translation>合成二维</translation>
  </message>
  <message>
    <source>cleavage</source>
    <translation>乳沟位</translation>
  </message>
  <message>
    <source>axillary tail</source>
    <translation>腋尾</translation>
  </message>
  <message>
    <source>rolled lateral</source>
    <translation>外侧旋转</translation>
  </message>
  <message>
    <source>rolled medial</source>
    <translation>内侧旋转</translation>
  </message>
  <message>
    <source>rolled inferior</source>
    <translation>下方旋转</translation>
  </message>
  <message>
    <source>rolled superior</source>
    <translation>上方旋转</translation>
  </message>
  <message>
    <source>tangential</source>
    <translation>切线位</translation>
  </message>
  <message>
    <source>nipple in profile</source>
    <translation>乳头切线</translation>
  </message>
  <message>
    <source>anterior compression</source>
    <translation>前部加压</translation>
  </message>
  <message>
    <source>infra-mammary fold</source>
    <translation>乳房下缘</translation>
  </message>
  <message>
    <source>axillary tissue</source>
    <translation>腋窝组织</translation>
  </message>
  <message>
    <source>Fit to the pane</source>
    <translation>适合窗格</translation>
  </message>
</context>
</TS>
