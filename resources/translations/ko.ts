<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en">
<context>
  <name>reader</name>
  <message>
    <source>Display check</source>
    <translation>화면 점검</translation>
  </message>
  <message>
    <source>All sixteen grey steps can be told apart, also the two darkest and the two brightest.</source>
    <translation>열여섯 단계의 회색이 모두 구별됩니다. 가장 어두운 두 단계와 가장 밝은 두 단계도 포함합니다.</translation>
  </message>
  <message>
    <source>In the dark and in the bright square there is a smaller one.</source>
    <translation>어두운 사각형과 밝은 사각형 안에 각각 작은 사각형이 있습니다.</translation>
  </message>
  <message>
    <source>The lines below are sharp and even, also the finest.</source>
    <translation>아래 선들은 가장 가는 것까지 선명하고 고릅니다.</translation>
  </message>
  <message>
    <source>Something cannot be seen</source>
    <translation>보이지 않는 것이 있습니다</translation>
  </message>
  <message>
    <source>Round {n} of {total} · {condition}</source>
    <translation>{total}회차 중 {n}회차 · {condition}</translation>
  </message>
  <message>
    <source>Case {n} of {total}</source>
    <translation>증례 {n}/{total}</translation>
  </message>
  <message>
    <source>A second copy of the log lies in {file}</source>
    <translation>로그 사본 위치: {file}</translation>
  </message>
  <message>
    <source>Nothing has been read or changed. Please tell the coordinator.</source>
    <translation>아직 판독하거나 변경한 것이 없습니다. 연구 코디네이터에게 알려 주십시오.</translation>
  </message>
  <message>
    <source>Everything marked as saved is safe. Images stay covered until this is mended.</source>
    <translation>저장됨으로 표시된 내용은 모두 안전합니다. 문제가 해결될 때까지 영상은 가려집니다.</translation>
  </message>
  <message>
    <source>Trained on {data}.</source>
    <translation>학습 데이터: {data}.</translation>
  </message>
  <message>
    <source>The images</source>
    <translation>영상</translation>
  </message>
  <message>
    <source>Your answer</source>
    <translation>답변</translation>
  </message>
  <message>
    <source>Locking, pausing, help</source>
    <translation>잠금, 일시 정지, 도움말</translation>
  </message>
  <message>
    <source>Continue with {case}</source>
    <translation>계속: {case}</translation>
  </message>
  <message>
    <source>A validated case is locked: there is no way back to it. P pauses and covers the images.</source>
    <translation>확정한 증례는 잠기며 되돌아갈 수 없습니다. P를 누르면 일시 정지되고 영상이 가려집니다.</translation>
  </message>
  <message>
    <source>All rounds are finished</source>
    <translation>모든 회차가 끝났습니다</translation>
  </message>
  <message>
    <source>Round {n} is finished</source>
    <translation>{n}회차가 끝났습니다</translation>
  </message>
  <message>
    <source>Round {n}</source>
    <translation>{n}회차</translation>
  </message>
  <message>
    <source>Your earlier answer is shown beside the question.</source>
    <translation>질문 옆에 이전 답변이 표시됩니다.</translation>
  </message>
  <message>
    <source>Cases in this round</source>
    <translation>이 회차의 증례 수</translation>
  </message>
  <message>
    <source>Answers</source>
    <translation>답변 항목</translation>
  </message>
  <message>
    <source>Please tell the coordinator before you read on this screen.</source>
    <translation>이 화면으로 판독하기 전에 코디네이터에게 알려 주십시오.</translation>
  </message>
  <message>
    <source>Round {n} cannot begin on this computer</source>
    <translation>이 컴퓨터에서는 {n}회차를 시작할 수 없습니다</translation>
  </message>
  <message>
    <source>Left drag</source>
    <translation>왼쪽 끌기</translation>
  </message>
  <message>
    <source>Window and level</source>
    <translation>창 폭과 레벨</translation>
  </message>
  <message>
    <source>Wheel</source>
    <translation>휠</translation>
  </message>
  <message>
    <source>Scroll slices; zoom on single images</source>
    <translation>단면 이동; 단일 영상은 확대</translation>
  </message>
  <message>
    <source>Middle drag</source>
    <translation>가운데 끌기</translation>
  </message>
  <message>
    <source>Move the image</source>
    <translation>영상 이동</translation>
  </message>
  <message>
    <source>One image pixel to one screen pixel</source>
    <translation>영상 픽셀 1:1</translation>
  </message>
  <message>
    <source>Mark a finding at the pointer</source>
    <translation>포인터 위치에 소견 표시</translation>
  </message>
  <message>
    <source>BI-RADS; after 4 then A, B or C</source>
    <translation>BI-RADS; 4 다음에 A, B, C</translation>
  </message>
  <message>
    <source>Suspicion: type 0 to 100, then Enter</source>
    <translation>의심도: 0~100을 입력하고 Enter</translation>
  </message>
  <message>
    <source>Next question; the blue line shows where digits go</source>
    <translation>다음 질문; 파란 선이 숫자가 입력될 곳을 나타냅니다</translation>
  </message>
  <message>
    <source>Write a note (Esc leaves it)</source>
    <translation>메모 쓰기 (Esc로 나가기)</translation>
  </message>
  <message>
    <source>Locks the case; there is no way back to it</source>
    <translation>증례를 잠급니다. 되돌아갈 수 없습니다</translation>
  </message>
  <message>
    <source>Covers the images and stops the clock</source>
    <translation>영상을 가리고 시간을 멈춥니다</translation>
  </message>
  <message>
    <source>Aid on or off, in rounds that have one</source>
    <translation>보조가 있는 회차에서 보조 켜기/끄기</translation>
  </message>
  <message>
    <source>All keys</source>
    <translation>모든 키</translation>
  </message>
  <message>
    <source>training</source>
    <translation>연습</translation>
  </message>
  <message>
    <source>Aid</source>
    <translation>보조</translation>
  </message>
  <message>
    <source>Pauses by itself after</source>
    <translation>자동 일시 정지</translation>
  </message>
  <message>
    <source>{n} s without input</source>
    <translation>{n}초 동안 입력이 없을 때</translation>
  </message>
  <message>
    <source>{round} opens on {day}.</source>
    <translation>{round}: {day}에 열립니다.</translation>
  </message>
  <message>
    <source>Next: {round}.</source>
    <translation>다음: {round}.</translation>
  </message>
  <message>
    <source>What it is</source>
    <translation>설명</translation>
  </message>
  <message>
    <source>{n} cases read</source>
    <translation>{n}건 판독</translation>
  </message>
  <message>
    <source>1 case read</source>
    <translation>1건 판독</translation>
  </message>
  <message>
    <source>No sitting can be opened</source>
    <translation>판독을 시작할 수 없습니다</translation>
  </message>
  <message>
    <source>This study cannot be read by {name} here</source>
    <translation>{name}: 여기서 판독할 수 없습니다</translation>
  </message>
  <message>
    <source>this folder holds the package of {name}</source>
    <translation>이 폴더는 {name}의 자료입니다</translation>
  </message>
  <message>
    <source>open the package of {name}</source>
    <translation>{name}의 자료를 여십시오</translation>
  </message>
  <message>
    <source>Any key puts this away · F8 changes keys</source>
    <translation>아무 키나 누르면 닫힘 · F8 키 변경</translation>
  </message>
  <message>
    <source>The identity of {name} cannot be read</source>
    <translation>{name}의 신원 파일을 읽을 수 없습니다</translation>
  </message>
  <message>
    <source>press a key</source>
    <translation>키를 누르세요</translation>
  </message>
  <message>
    <source>Keys</source>
    <translation>키</translation>
  </message>
  <message>
    <source>Keep</source>
    <translation>저장</translation>
  </message>
  <message>
    <source>Click a key, then press the new one. Answers and their confirmation keep theirs.</source>
    <translation>키를 클릭한 다음 새 키를 누르세요. 답변과 확정 키는 바꿀 수 없습니다.</translation>
  </message>
  <message>
    <source>As delivered</source>
    <translation>기본값</translation>
  </message>
  <message>
    <source>Cancel</source>
    <translation>취소</translation>
  </message>
  <message>
    <source>Aid not available for this case</source>
    <translation>이 증례에는 보조 결과가 없습니다</translation>
  </message>
  <message>
    <source>Aid: {call}</source>
    <translation>보조: {call}</translation>
  </message>
  <message>
    <source>Aid: no finding</source>
    <translation>보조: 소견 없음</translation>
  </message>
  <message>
    <source>Aid is off · {key} shows it</source>
    <translation>보조 꺼짐 · {key} 키로 표시</translation>
  </message>
  <message>
    <source>The aid follows your own answer · {key} twice seals it</source>
    <translation>먼저 직접 답한 뒤 보조가 표시됩니다 · {key} 두 번으로 봉인</translation>
  </message>
  <message>
    <source>threshold</source>
    <translation>임계값</translation>
  </message>
  <message>
    <source>Earlier: {answer} (sealed, R copies)</source>
    <translation>이전: {answer} (봉인됨, R 복사)</translation>
  </message>
  <message>
    <source>Press Enter again to seal</source>
    <translation>Enter를 다시 눌러 봉인</translation>
  </message>
  <message>
    <source>Press Enter again to lock</source>
    <translation>Enter를 다시 눌러 잠금</translation>
  </message>
  <message>
    <source>Esc goes back</source>
    <translation>Esc 취소</translation>
  </message>
  <message>
    <source>Seal and show the aid</source>
    <translation>봉인하고 보조 보기</translation>
  </message>
  <message>
    <source>Enter twice · locks your answer without aid</source>
    <translation>Enter 두 번 · 보조 없는 답변을 잠금</translation>
  </message>
  <message>
    <source>Validate and next</source>
    <translation>확정하고 다음으로</translation>
  </message>
  <message>
    <source>Suspicion of malignancy</source>
    <translation>악성 의심도</translation>
  </message>
  <message>
    <source>Enter twice · locks this case for round {n}</source>
    <translation>Enter 두 번 · {n}회차의 이 증례를 잠금</translation>
  </message>
  <message>
    <source>missing: {what}</source>
    <translation>미입력: {what}</translation>
  </message>
  <message>
    <source>missing: {what} and {n} more</source>
    <translation>미입력: {what} 외 {n}개</translation>
  </message>
  <message>
    <source>Once more</source>
    <translation>다시 입력</translation>
  </message>
  <message>
    <source>The two PINs differ; type them again.</source>
    <translation>두 PIN이 다릅니다. 다시 입력하세요.</translation>
  </message>
  <message>
    <source>optional</source>
    <translation>선택</translation>
  </message>
  <message>
    <source>Clinical data</source>
    <translation>임상 정보</translation>
  </message>
  <message>
    <source>BI-RADS category</source>
    <translation>BI-RADS 범주</translation>
  </message>
  <message>
    <source>Suspicion of malignancy, 0 to 100</source>
    <translation>악성 의심도, 0~100</translation>
  </message>
  <message>
    <source>not answered</source>
    <translation>답변 없음</translation>
  </message>
  <message>
    <source>not given yet</source>
    <translation>아직 없음</translation>
  </message>
  <message>
    <source>Research use only — not for diagnosis</source>
    <translation>연구용 — 진단에 사용 금지</translation>
  </message>
  <message>
    <source>● saved</source>
    <translation>● 저장됨</translation>
  </message>
  <message>
    <source>○ saving</source>
    <translation>○ 저장 중</translation>
  </message>
  <message>
    <source>{images} linked</source>
    <translation>{images} 연결됨</translation>
  </message>
  <message>
    <source>Take this mark back</source>
    <translation>이 표시 취소</translation>
  </message>
  <message>
    <source>Findings</source>
    <translation>소견</translation>
  </message>
  <message>
    <source>None marked · {key} marks at the pointer</source>
    <translation>표시 없음 · {key} 키로 포인터 위치에 표시</translation>
  </message>
  <message>
    <source>Finding {n}</source>
    <translation>소견 {n}</translation>
  </message>
  <message>
    <source>Note (optional)</source>
    <translation>메모 (선택)</translation>
  </message>
  <message>
    <source>Names are pseudonyms. Research use only — not for diagnosis.</source>
    <translation>이름은 가명입니다. 연구용 — 진단에 사용 금지.</translation>
  </message>
  <message>
    <source>It says whose entries these are; it does not keep them secret.</source>
    <translation>기록이 누구의 것인지 알려 줄 뿐, 비밀로 지키지는 않습니다.</translation>
  </message>
  <message>
    <source>PIN</source>
    <translation>PIN</translation>
  </message>
  <message>
    <source>{title} cannot begin earlier: the days in between let you forget the cases.</source>
    <translation>{title}는 더 일찍 시작할 수 없습니다: 그 사이의 날들은 증례를 잊기 위한 것입니다.</translation>
  </message>
  <message>
    <source>The protocol ends a sitting here, so that the last cases are read as freshly as the first.</source>
    <translation>연구 계획에 따라 세션은 여기서 끝납니다. 마지막 증례도 처음처럼 맑은 상태로 판독하기 위해서입니다.</translation>
  </message>
  <message>
    <source>Thank you, all rounds are read.</source>
    <translation>감사합니다. 모든 회차를 판독했습니다.</translation>
  </message>
  <message>
    <source>Session ended, everything is saved.</source>
    <translation>세션이 끝났고 모두 저장되었습니다.</translation>
  </message>
  <message>
    <source>Receipt for the coordinator: the code belongs to this very log, entry by entry.</source>
    <translation>코디네이터용 영수증: 이 코드는 이 로그의 모든 항목에 해당합니다.</translation>
  </message>
  <message>
    <source>{n} entries in the log</source>
    <translation>로그 항목 {n}개</translation>
  </message>
  <message>
    <source>Who is reading?</source>
    <translation>판독자 선택</translation>
  </message>
  <message>
    <source>Reader {name}</source>
    <translation>판독자 {name}</translation>
  </message>
  <message>
    <source>At least four characters. Your entries on this computer are signed with it.</source>
    <translation>네 글자 이상. 이 컴퓨터에서의 기록이 이것으로 서명됩니다.</translation>
  </message>
  <message>
    <source>Another reader</source>
    <translation>다른 판독자</translation>
  </message>
  <message>
    <source>Begin  Enter</source>
    <translation>시작  Enter</translation>
  </message>
  <message>
    <source>Check the display</source>
    <translation>화면 점검</translation>
  </message>
  <message>
    <source>Not now</source>
    <translation>나중에</translation>
  </message>
  <message>
    <source>Opens on {day}</source>
    <translation>{day}에 열림</translation>
  </message>
  <message>
    <source>End the session  Enter</source>
    <translation>세션 종료  Enter</translation>
  </message>
  <message>
    <source>Continue  Enter</source>
    <translation>계속  Enter</translation>
  </message>
  <message>
    <source>End the session</source>
    <translation>세션 종료</translation>
  </message>
  <message>
    <source>Enough for this sitting</source>
    <translation>이번 세션은 여기까지</translation>
  </message>
  <message>
    <source>Close  Enter</source>
    <translation>닫기  Enter</translation>
  </message>
  <message>
    <source>Copy the receipt</source>
    <translation>영수증 복사</translation>
  </message>
  <message>
    <source>Close</source>
    <translation>닫기</translation>
  </message>
  <message>
    <source>Try again  Enter</source>
    <translation>다시 시도  Enter</translation>
  </message>
  <message>
    <source>Choose a PIN</source>
    <translation>PIN 정하기</translation>
  </message>
  <message>
    <source>Your PIN</source>
    <translation>PIN 입력</translation>
  </message>
  <message>
    <source>Log in  Enter</source>
    <translation>로그인  Enter</translation>
  </message>
  <message>
    <source>Next  Enter</source>
    <translation>다음  Enter</translation>
  </message>
  <message>
    <source>Check again  Enter</source>
    <translation>다시 확인  Enter</translation>
  </message>
  <message>
    <source>Without a PIN</source>
    <translation>PIN 없이</translation>
  </message>
  <message>
    <source>The clock stands. Your answers so far are kept.</source>
    <translation>시간이 멈췄습니다. 지금까지의 답변은 유지됩니다.</translation>
  </message>
  <message>
    <source>Nothing was done for a while, so the clock was stopped.</source>
    <translation>한동안 입력이 없어 시간을 멈췄습니다.</translation>
  </message>
  <message>
    <source>The window was not in front, so the clock was stopped.</source>
    <translation>창이 앞에 있지 않아 시간을 멈췄습니다.</translation>
  </message>
  <message>
    <source>The computer slept or its clock was changed, so the clock was stopped.</source>
    <translation>컴퓨터가 절전 상태였거나 시계가 바뀌어 시간을 멈췄습니다.</translation>
  </message>
  <message>
    <source>Yes  Y</source>
    <translation>예  Y</translation>
  </message>
  <message>
    <source>No  N</source>
    <translation>아니요  N</translation>
  </message>
  <message>
    <source>Pause</source>
    <translation>일시 정지</translation>
  </message>
  <message>
    <source>a break is due</source>
    <translation>휴식이 필요합니다</translation>
  </message>
  <message>
    <source>BI-RADS</source>
    <translation>BI-RADS</translation>
  </message>
  <message>
    <source>about {n} min left</source>
    <translation>약 {n}분 남음</translation>
  </message>
  <message>
    <source>Right breast · BI-RADS</source>
    <translation>오른쪽 유방 · BI-RADS</translation>
  </message>
  <message>
    <source>Left breast · BI-RADS</source>
    <translation>왼쪽 유방 · BI-RADS</translation>
  </message>
  <message>
    <source>case</source>
    <translation>증례</translation>
  </message>
  <message>
    <source>Incomplete</source>
    <translation>불완전</translation>
  </message>
  <message>
    <source>Negative</source>
    <translation>음성</translation>
  </message>
  <message>
    <source>Benign</source>
    <translation>양성 소견(비악성)</translation>
  </message>
  <message>
    <source>Probably benign, ≤ 2 %</source>
    <translation>양성 추정, ≤ 2 %</translation>
  </message>
  <message>
    <source>Suspicious, 2–95 %</source>
    <translation>악성 의심, 2–95 %</translation>
  </message>
  <message>
    <source>Low suspicion, 2–10 %</source>
    <translation>낮은 의심, 2–10 %</translation>
  </message>
  <message>
    <source>Moderate suspicion, 10–50 %</source>
    <translation>중간 의심, 10–50 %</translation>
  </message>
  <message>
    <source>High suspicion, 50–95 %</source>
    <translation>높은 의심, 50–95 %</translation>
  </message>
  <message>
    <source>Highly suggestive, ≥ 95 %</source>
    <translation>악성 강력 시사, ≥ 95 %</translation>
  </message>
  <message>
    <source>Biopsy-proven malignancy</source>
    <translation>생검으로 확인된 악성</translation>
  </message>
  <message>
    <source>category</source>
    <translation>범주</translation>
  </message>
  <message>
    <source>suspicion</source>
    <translation>의심도</translation>
  </message>
  <message>
    <source>the aid</source>
    <translation>보조</translation>
  </message>
  <message>
    <source>about {n} h left</source>
    <translation>약 {n}시간 남음</translation>
  </message>
  <message>
    <source>unaided</source>
    <translation>보조 없음</translation>
  </message>
  <message>
    <source>with aid</source>
    <translation>보조 있음</translation>
  </message>
  <message>
    <source>unaided, then aid</source>
    <translation>보조 없이, 이후 보조</translation>
  </message>
  <message>
    <source>You read without any aid.</source>
    <translation>보조 없이 판독합니다.</translation>
  </message>
  <message>
    <source>The aid is on the screen from the start of each case.</source>
    <translation>각 증례의 처음부터 보조가 표시됩니다.</translation>
  </message>
  <message>
    <source>You answer without the aid first; that answer is sealed; then the aid is shown and you may revise.</source>
    <translation>먼저 보조 없이 답하고 그 답변이 봉인된 뒤, 보조가 표시되며 수정할 수 있습니다.</translation>
  </message>
  <message>
    <source>The aid is on the screen from the start; you decide again on cases you have read before.</source>
    <translation>처음부터 보조가 표시되며, 이전에 판독한 증례를 다시 판단합니다.</translation>
  </message>
  <message>
    <source>right</source>
    <translation>오른쪽</translation>
  </message>
  <message>
    <source>left</source>
    <translation>왼쪽</translation>
  </message>
  <message>
    <source>Paused</source>
    <translation>일시 정지됨</translation>
  </message>
  <message>
    <source>Reading study</source>
    <translation>판독 연구</translation>
  </message>
  <message>
    <source>Left button: {tool}</source>
    <translation>왼쪽 버튼: {tool}</translation>
  </message>
  <message>
    <source>Not possible now: {what}</source>
    <translation>지금은 할 수 없음: {what}</translation>
  </message>
  <message>
    <source>The program met a fault of its own and has noted it: {what}. Close it and start it again.</source>
    <translation>프로그램 자체의 오류가 기록되었습니다: {what}. 닫고 다시 시작하십시오.</translation>
  </message>
  <message>
    <source>Case {name} cannot be shown</source>
    <translation>증례 {name}을(를) 표시할 수 없습니다</translation>
  </message>
  <message>
    <source>Reading has stopped</source>
    <translation>판독이 중단되었습니다</translation>
  </message>
  <message>
    <source>The next case is being read from the disk.</source>
    <translation>다음 증례를 디스크에서 읽는 중입니다.</translation>
  </message>
  <message>
    <source>This study cannot be read yet</source>
    <translation>이 연구는 아직 판독할 수 없습니다</translation>
  </message>
  <message>
    <source>The reading log cannot be opened</source>
    <translation>판독 로그를 열 수 없습니다</translation>
  </message>
  <message>
    <source>This study cannot be opened</source>
    <translation>이 연구를 열 수 없습니다</translation>
  </message>
  <message>
    <source>BI-RADS 0 to 6; 4 then A, B or C</source>
    <translation>BI-RADS 0~6; 4 다음에 A, B, C</translation>
  </message>
  <message>
    <source>Take over the earlier answer</source>
    <translation>이전 답변 가져오기</translation>
  </message>
  <message>
    <source>Next question</source>
    <translation>다음 질문</translation>
  </message>
  <message>
    <source>Previous question</source>
    <translation>이전 질문</translation>
  </message>
  <message>
    <source>Validate: Enter twice</source>
    <translation>확정: Enter 두 번</translation>
  </message>
  <message>
    <source>Aid on or off</source>
    <translation>보조 켜기/끄기</translation>
  </message>
  <message>
    <source>aid on/off</source>
    <translation>보조 켜기/끄기</translation>
  </message>
  <message>
    <source>Seal the answer and show the aid: twice</source>
    <translation>답변 봉인 후 보조 보기: 두 번</translation>
  </message>
  <message>
    <source>seal, show aid</source>
    <translation>봉인, 보조 보기</translation>
  </message>
  <message>
    <source>Next finding of the aid</source>
    <translation>보조의 다음 소견</translation>
  </message>
  <message>
    <source>next finding</source>
    <translation>다음 소견</translation>
  </message>
  <message>
    <source>Previous finding of the aid</source>
    <translation>보조의 이전 소견</translation>
  </message>
  <message>
    <source>mark</source>
    <translation>표시</translation>
  </message>
  <message>
    <source>The chosen finding, here too</source>
    <translation>선택한 소견, 여기에도</translation>
  </message>
  <message>
    <source>Remove the chosen mark, or the last one</source>
    <translation>선택한 표시 또는 마지막 표시 삭제</translation>
  </message>
  <message>
    <source>Marks on or off</source>
    <translation>표시 보이기/숨기기</translation>
  </message>
  <message>
    <source>Next hanging step</source>
    <translation>다음 배열 단계</translation>
  </message>
  <message>
    <source>next step</source>
    <translation>다음 단계</translation>
  </message>
  <message>
    <source>Previous hanging step</source>
    <translation>이전 배열 단계</translation>
  </message>
  <message>
    <source>Invert grey</source>
    <translation>흑백 반전</translation>
  </message>
  <message>
    <source>invert</source>
    <translation>반전</translation>
  </message>
  <message>
    <source>fit</source>
    <translation>맞춤</translation>
  </message>
  <message>
    <source>1:1</source>
    <translation>1:1</translation>
  </message>
  <message>
    <source>True size</source>
    <translation>실제 크기</translation>
  </message>
  <message>
    <source>Zoom in</source>
    <translation>확대</translation>
  </message>
  <message>
    <source>Zoom out</source>
    <translation>축소</translation>
  </message>
  <message>
    <source>First window preset</source>
    <translation>첫째 창 설정</translation>
  </message>
  <message>
    <source>Second window preset</source>
    <translation>둘째 창 설정</translation>
  </message>
  <message>
    <source>Third window preset</source>
    <translation>셋째 창 설정</translation>
  </message>
  <message>
    <source>Everything as first shown</source>
    <translation>처음 상태로</translation>
  </message>
  <message>
    <source>Next slice</source>
    <translation>다음 단면</translation>
  </message>
  <message>
    <source>Previous slice</source>
    <translation>이전 단면</translation>
  </message>
  <message>
    <source>Ten slices on</source>
    <translation>열 단면 앞으로</translation>
  </message>
  <message>
    <source>Ten slices back</source>
    <translation>열 단면 뒤로</translation>
  </message>
  <message>
    <source>Next scan position</source>
    <translation>다음 스캔 위치</translation>
  </message>
  <message>
    <source>Previous scan position</source>
    <translation>이전 스캔 위치</translation>
  </message>
  <message>
    <source>Next slab thickness</source>
    <translation>다음 슬랩 두께</translation>
  </message>
  <message>
    <source>Play or stop</source>
    <translation>재생 또는 정지</translation>
  </message>
  <message>
    <source>Next tool for the left button</source>
    <translation>왼쪽 버튼의 다음 도구</translation>
  </message>
  <message>
    <source>Pause: covers the images</source>
    <translation>일시 정지: 영상을 가림</translation>
  </message>
  <message>
    <source>all keys</source>
    <translation>모든 키</translation>
  </message>
  <message>
    <source>Change keys</source>
    <translation>키 변경</translation>
  </message>
  <message>
    <source>Panel to the other side</source>
    <translation>패널을 반대쪽으로</translation>
  </message>
  <message>
    <source>Panel on a screen of its own</source>
    <translation>패널을 다른 화면에</translation>
  </message>
  <message>
    <source>Full screen</source>
    <translation>전체 화면</translation>
  </message>
  <message>
    <source>Answer</source>
    <translation>답변</translation>
  </message>
  <message>
    <source>Images</source>
    <translation>영상</translation>
  </message>
  <message>
    <source>Session</source>
    <translation>세션</translation>
  </message>
  <message>
    <source>Window and level, or the chosen tool</source>
    <translation>창 폭/레벨 또는 선택한 도구</translation>
  </message>
  <message>
    <source>Right click</source>
    <translation>오른쪽 클릭</translation>
  </message>
  <message>
    <source>Menu</source>
    <translation>메뉴</translation>
  </message>
  <message>
    <source>Double click</source>
    <translation>두 번 클릭</translation>
  </message>
  <message>
    <source>Mark a finding</source>
    <translation>소견 표시</translation>
  </message>
  <message>
    <source>window</source>
    <translation>창</translation>
  </message>
  <message>
    <source>scroll</source>
    <translation>스크롤</translation>
  </message>
  <message>
    <source>pan</source>
    <translation>이동</translation>
  </message>
  <message>
    <source>zoom</source>
    <translation>확대</translation>
  </message>
  <message>
    <source>caliper</source>
    <translation>측정</translation>
  </message>
  <message>
    <source>magnifier</source>
    <translation>돋보기</translation>
  </message>
  <message>
    <source>high risk</source>
    <translation>고위험</translation>
  </message>
  <message>
    <source>low risk</source>
    <translation>저위험</translation>
  </message>
  <message>
    <source>malignant</source>
    <translation>악성</translation>
  </message>
  <message>
    <source>benign</source>
    <translation>양성(비악성)</translation>
  </message>
  <message>
    <source>Age</source>
    <translation>나이</translation>
  </message>
  <message>
    <source>Family history</source>
    <translation>가족력</translation>
  </message>
  <message>
    <source>BRCA</source>
    <translation>BRCA</translation>
  </message>
  <message>
    <source>Density</source>
    <translation>유방 밀도</translation>
  </message>
  <message>
    <source>Symptom</source>
    <translation>증상</translation>
  </message>
  <message>
    <source>Symptoms</source>
    <translation>증상</translation>
  </message>
  <message>
    <source>Menopause</source>
    <translation>폐경</translation>
  </message>
  <message>
    <source>Palpable</source>
    <translation>촉지</translation>
  </message>
  <message>
    <source>CORONAL</source>
    <translation>관상면</translation>
  </message>
  <message>
    <source>TRANSVERSE</source>
    <translation>횡단면</translation>
  </message>
  <message>
    <source>SAGITTAL</source>
    <translation>시상면</translation>
  </message>
  <message>
    <source>Fit</source>
    <translation>창에 맞춤</translation>
  </message>
  <message>
    <source>Invert</source>
    <translation>반전</translation>
  </message>
  <message>
    <source>Left button</source>
    <translation>왼쪽 버튼</translation>
  </message>
  <message>
    <source>Remove this mark</source>
    <translation>이 표시 삭제</translation>
  </message>
  <message>
    <source>aid: no evidence</source>
    <translation>보조: 근거 없음</translation>
  </message>
  <message>
    <source>aid: no finding</source>
    <translation>보조: 소견 없음</translation>
  </message>
  <message>
    <source>aid: not applicable</source>
    <translation>보조: 해당 없음</translation>
  </message>
  <message>
    <source>aid: not available</source>
    <translation>보조: 사용할 수 없음</translation>
  </message>
  <message>
    <source>at the nipple</source>
    <translation>유두 위치</translation>
  </message>
  <message>
    <source>colour Doppler</source>
    <translation>컬러 도플러</translation>
  </message>
  <message>
    <source>depth {depth} mm</source>
    <translation>깊이 {depth} mm</translation>
  </message>
  <message>
    <source>depth {depth} mm from skin</source>
    <translation>피부에서 깊이 {depth} mm</translation>
  </message>
  <message>
    <source>finding {n} of {total}: {what}</source>
    <translation>소견 {n}/{total}: {what}</translation>
  </message>
  <message>
    <source>inverted</source>
    <translation>반전됨</translation>
  </message>
  <message>
    <source>maximum</source>
    <translation>최대</translation>
  </message>
  <message>
    <source>mean</source>
    <translation>평균</translation>
  </message>
  <message>
    <source>minimum</source>
    <translation>최소</translation>
  </message>
  <message>
    <source>no image</source>
    <translation>영상 없음</translation>
  </message>
  <message>
    <source>no volume</source>
    <translation>볼륨 없음</translation>
  </message>
  <message>
    <source>page {n} of {total}</source>
    <translation>{n}/{total} 페이지</translation>
  </message>
  <message>
    <source>prior</source>
    <translation>이전</translation>
  </message>
  <message>
    <source>prior, {days} days before</source>
    <translation>이전, {days}일 전</translation>
  </message>
  <message>
    <source>prior, {years} years before</source>
    <translation>이전, {years}년 전</translation>
  </message>
  <message>
    <source>slab {thickness} mm {mode}</source>
    <translation>두께 {thickness} mm {mode}</translation>
  </message>
  <message>
    <source>true size</source>
    <translation>실제 크기</translation>
  </message>
  <message>
    <source>ultrasound</source>
    <translation>초음파</translation>
  </message>
  <message>
    <source>{distance} mm from chest wall</source>
    <translation>흉벽에서 {distance} mm</translation>
  </message>
  <message>
    <source>{distance} mm from nipple</source>
    <translation>유두에서 {distance} mm</translation>
  </message>
  <message>
    <source>{hour} o'clock</source>
    <translation>{hour}시 방향</translation>
  </message>
  <message>
    <source>{step}, part {n} of {total}</source>
    <translation>{step}, {n}/{total} 부분</translation>
  </message>
  <message>
    <source>Play faster</source>
    <translation>더 빠르게 재생</translation>
  </message>
  <message>
    <source>Play slower</source>
    <translation>더 느리게 재생</translation>
  </message>
  <message>
    <source>{speed} planes a second</source>
    <translation>초당 {speed}개 단면</translation>
  </message>
  <message>
    <source>{speed} frames a second</source>
    <translation>초당 {speed}프레임</translation>
  </message>
  <message>
    <source>The size of this screen is not known: measure it in the display check.</source>
    <translation>이 화면의 크기를 알 수 없습니다. 디스플레이 점검에서 측정하십시오.</translation>
  </message>
  <message>
    <source>This bar is as long as a bank card (85.6 mm). Hold one to the screen; if not:</source>
    <translation>이 막대는 은행 카드와 길이가 같습니다(85.6 mm). 카드를 화면에 대어 보십시오. 다르면:</translation>
  </message>
  <message>
    <source>shorter</source>
    <translation>짧게</translation>
  </message>
  <message>
    <source>longer</source>
    <translation>길게</translation>
  </message>
  <message>
    <source>Grey levels are painted in 256 steps; a display calibrated to the DICOM GSDF shows them evenly.</source>
    <translation>회색조는 256단계로 그려지며, DICOM GSDF로 보정된 디스플레이는 이를 고르게 표시합니다.</translation>
  </message>
  <message>
    <source>Grey levels are painted in 256 steps through a GSDF table made from this display's measured luminances.</source>
    <translation>회색조는 이 디스플레이의 측정 휘도로 만든 GSDF 표를 거쳐 256단계로 그려집니다.</translation>
  </message>
  <message>
    <source>A copy of the log lies in {file}</source>
    <translation>로그 사본 위치: {file}</translation>
  </message>
  <message>
    <source>Agree</source>
    <translation>동의</translation>
  </message>
  <message>
    <source>Agree with the chosen finding of the aid</source>
    <translation>선택한 보조 소견에 동의</translation>
  </message>
  <message>
    <source>Any screen</source>
    <translation>모든 화면</translation>
  </message>
  <message>
    <source>Before the first case</source>
    <translation>첫 증례 전에</translation>
  </message>
  <message>
    <source>Choose a folder…</source>
    <translation>폴더 선택…</translation>
  </message>
  <message>
    <source>Digits or a click answer; Enter goes on.</source>
    <translation>숫자 키 또는 클릭으로 답하고 Enter로 계속합니다.</translation>
  </message>
  <message>
    <source>Dismiss</source>
    <translation>기각</translation>
  </message>
  <message>
    <source>Dismiss the chosen finding of the aid</source>
    <translation>선택한 보조 소견을 기각</translation>
  </message>
  <message>
    <source>Done  Enter</source>
    <translation>완료  Enter</translation>
  </message>
  <message>
    <source>Draw less of the heatmap</source>
    <translation>히트맵을 덜 표시</translation>
  </message>
  <message>
    <source>Draw more of the heatmap</source>
    <translation>히트맵을 더 표시</translation>
  </message>
  <message>
    <source>Draw with the left button: {shape} (Shift: the chosen finding, here too)</source>
    <translation>왼쪽 버튼으로 그리기: {shape} (Shift: 선택한 소견이 여기에도)</translation>
  </message>
  <message>
    <source>Drawn from</source>
    <translation>표시 시작값</translation>
  </message>
  <message>
    <source>Enter · this case was training and counts for nothing</source>
    <translation>Enter · 이 증례는 연습이며 결과에 포함되지 않습니다</translation>
  </message>
  <message>
    <source>Folder for second copies of the logs</source>
    <translation>로그 두 번째 사본 폴더</translation>
  </message>
  <message>
    <source>Heatmap fainter</source>
    <translation>히트맵 흐리게</translation>
  </message>
  <message>
    <source>Heatmap stronger</source>
    <translation>히트맵 진하게</translation>
  </message>
  <message>
    <source>I see all of it  Enter</source>
    <translation>모두 보입니다  Enter</translation>
  </message>
  <message>
    <source>I see all of it: to the cases  Enter</source>
    <translation>모두 보입니다: 판독 시작  Enter</translation>
  </message>
  <message>
    <source>It lies on the same disk as the program's data; a stick or a share is safer.</source>
    <translation>프로그램 데이터와 같은 디스크에 있습니다. USB나 공유 폴더가 더 안전합니다.</translation>
  </message>
  <message>
    <source>Kept at every pause and round end while you read. If its disk fails, reading goes on.</source>
    <translation>판독 중 일시 정지와 라운드 종료 때마다 갱신됩니다. 그 디스크에 문제가 생겨도 판독은 계속됩니다.</translation>
  </message>
  <message>
    <source>Known</source>
    <translation>알려진 결과</translation>
  </message>
  <message>
    <source>Next</source>
    <translation>다음</translation>
  </message>
  <message>
    <source>Next shape to mark: point, box, ellipse, outline</source>
    <translation>다음 표시 모양: 점, 상자, 타원, 윤곽</translation>
  </message>
  <message>
    <source>No copy of the log could be kept on this computer.</source>
    <translation>이 컴퓨터에 로그 사본을 보관할 수 없습니다.</translation>
  </message>
  <message>
    <source>None</source>
    <translation>없음</translation>
  </message>
  <message>
    <source>None is kept beside the copy at the end of each session.</source>
    <translation>각 세션이 끝날 때의 사본 외에는 보관하지 않습니다.</translation>
  </message>
  <message>
    <source>Nothing can be written into this folder.</source>
    <translation>이 폴더에 쓸 수 없습니다.</translation>
  </message>
  <message>
    <source>Opacity</source>
    <translation>불투명도</translation>
  </message>
  <message>
    <source>Ready.</source>
    <translation>준비되었습니다.</translation>
  </message>
  <message>
    <source>Screen and text</source>
    <translation>화면과 글자</translation>
  </message>
  <message>
    <source>Second copy of the log</source>
    <translation>로그의 두 번째 사본</translation>
  </message>
  <message>
    <source>Shape to mark</source>
    <translation>표시 모양</translation>
  </message>
  <message>
    <source>Suspicion of finding {n} (optional) · {key}</source>
    <translation>소견 {n}의 의심도 (선택) · {key}</translation>
  </message>
  <message>
    <source>Suspicion of the chosen finding</source>
    <translation>선택한 소견의 의심도</translation>
  </message>
  <message>
    <source>Take back the last mark or verdict</source>
    <translation>마지막 표시 또는 판정 취소</translation>
  </message>
  <message>
    <source>Text size, from the next start on</source>
    <translation>글자 크기 (다음 시작부터)</translation>
  </message>
  <message>
    <source>The images are on another screen now: {screen}</source>
    <translation>영상이 다른 화면에 있습니다: {screen}</translation>
  </message>
  <message>
    <source>The images belong on</source>
    <translation>영상을 표시할 화면</translation>
  </message>
  <message>
    <source>The screen for images ({name}) is not connected; tell the coordinator.</source>
    <translation>영상용 화면({name})이 연결되어 있지 않습니다. 코디네이터에게 알리십시오.</translation>
  </message>
  <message>
    <source>The second copy is not up to date: {what}</source>
    <translation>두 번째 사본이 최신이 아닙니다: {what}</translation>
  </message>
  <message>
    <source>The window is not on the screen for images ({name}): move it there.</source>
    <translation>창이 영상용 화면({name})에 있지 않습니다. 그곳으로 옮기십시오.</translation>
  </message>
  <message>
    <source>This folder is not there now; plug in its disk.</source>
    <translation>이 폴더가 지금 없습니다. 해당 디스크를 연결하십시오.</translation>
  </message>
  <message>
    <source>This workstation</source>
    <translation>이 워크스테이션</translation>
  </message>
  <message>
    <source>This workstation…</source>
    <translation>이 워크스테이션…</translation>
  </message>
  <message>
    <source>Training: what is known of this case</source>
    <translation>연습: 이 증례에 대해 알려진 것</translation>
  </message>
  <message>
    <source>a few words, then Enter</source>
    <translation>몇 마디를 쓰고 Enter</translation>
  </message>
  <message>
    <source>agree</source>
    <translation>동의</translation>
  </message>
  <message>
    <source>box</source>
    <translation>상자</translation>
  </message>
  <message>
    <source>dismiss</source>
    <translation>기각</translation>
  </message>
  <message>
    <source>ellipse</source>
    <translation>타원</translation>
  </message>
  <message>
    <source>finding {n}</source>
    <translation>소견 {n}</translation>
  </message>
  <message>
    <source>known {n}</source>
    <translation>알려진 {n}</translation>
  </message>
  <message>
    <source>number from {low} to {high}, then Enter</source>
    <translation>{low}에서 {high} 사이의 숫자, 그다음 Enter</translation>
  </message>
  <message>
    <source>number, then Enter</source>
    <translation>숫자, 그다음 Enter</translation>
  </message>
  <message>
    <source>outline</source>
    <translation>윤곽</translation>
  </message>
  <message>
    <source>point</source>
    <translation>점</translation>
  </message>
  <message>
    <source>your word on finding {n} of the aid</source>
    <translation>보조 소견 {n}에 대한 판정</translation>
  </message>
  <message>
    <source>{name} (not connected)</source>
    <translation>{name} (연결되지 않음)</translation>
  </message>
  <message>
    <source>{next} next finding · {agree} agree · {dismiss} dismiss · again takes it back</source>
    <translation>{next} 다음 소견 · {agree} 동의 · {dismiss} 기각 · 다시 누르면 취소</translation>
  </message>
  <message>
    <source>▲ no second copy</source>
    <translation>▲ 두 번째 사본 없음</translation>
  </message>
  <message>
    <source>The images came to stand on another screen, or it was set up anew, so the clock was stopped.</source>
    <translation>영상이 다른 화면으로 옮겨졌거나 화면 설정이 바뀌어 시계를 멈췄습니다.</translation>
  </message>
  <message>
    <source>Grey levels are painted in 1024 steps through a GSDF table made from this display's measured luminances.</source>
    <translation>이 디스플레이의 측정 휘도로 만든 GSDF 표를 거쳐 1024단계로 표시합니다.</translation>
  </message>
  <message>
    <source>Grey levels are painted in 1024 steps; a display calibrated to the DICOM GSDF shows them evenly.</source>
    <translation>1024단계로 표시합니다. DICOM GSDF로 보정된 디스플레이는 이를 고르게 보여 줍니다.</translation>
  </message>
  <message>
    <source>four views</source>
    <translation>네 가지 뷰</translation>
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
    <translation>현재와 이전, CC</translation>
  </message>
  <message>
    <source>current and prior, MLO</source>
    <translation>현재와 이전, MLO</translation>
  </message>
  <message>
    <source>Go on  Enter</source>
    <translation>계속  Enter</translation>
  </message>
  <message>
    <source>Time for a break</source>
    <translation>휴식 시간</translation>
  </message>
  <message>
    <source>You have read for a while without one. No clock is running here; come back when you are rested.</source>
    <translation>한동안 쉬지 않고 판독했습니다. 여기서는 시간이 가지 않으니 쉬고 나서 돌아오십시오.</translation>
  </message>
  <message>
    <source>Fit: all at one size; again: each to its pane</source>
    <translation>맞춤: 모두 같은 크기; 다시: 각각 창에 맞춤</translation>
  </message>
  <message>
    <source>Slab of mean, minimum or maximum</source>
    <translation>슬랩: 평균, 최소 또는 최대</translation>
  </message>
  <message>
    <source>same size</source>
    <translation>같은 크기</translation>
  </message>
  <message>
    <source>current</source>
    <translation>현재</translation>
  </message>
  <message>
    <source>further image</source>
    <translation>추가 영상</translation>
  </message>
  <message>
    <source>step {n} of {total}: {what}</source>
    <translation>{total}단계 중 {n}: {what}</translation>
  </message>
  <message>
    <source>cine loop, frame {n} of {total}</source>
    <translation>시네 루프, {total} 중 {n} 프레임</translation>
  </message>
  <message>
    <source>{n} of {total}</source>
    <translation>{n}/{total}</translation>
  </message>
  <message>
    <source>spot compression</source>
    <translation>국소 압박</translation>
  </message>
  <message>
    <source>magnification</source>
    <translation>확대</translation>
  </message>
  <message>
    <source>implant displaced</source>
    <translation>보형물 변위</translation>
  </message>
  <message>
    <source>partial view</source>
    <translation>부분 촬영</translation>
  </message>
  <message>
    <source>synthetic 2-D</source>
    <translation>합성 2D</translation>
  </message>
  <message>
    <source>cleavage</source>
    <translation>가슴골</translation>
  </message>
  <message>
    <source>axillary tail</source>
    <translation>액와 꼬리</translation>
  </message>
  <message>
    <source>rolled lateral</source>
    <translation>외측 회전</translation>
  </message>
  <message>
    <source>rolled medial</source>
    <translation>내측 회전</translation>
  </message>
  <message>
    <source>rolled inferior</source>
    <translation>하방 회전</translation>
  </message>
  <message>
    <source>rolled superior</source>
    <translation>상방 회전</translation>
  </message>
  <message>
    <source>tangential</source>
    <translation>접선</translation>
  </message>
  <message>
    <source>nipple in profile</source>
    <translation>유두 측면</translation>
  </message>
  <message>
    <source>anterior compression</source>
    <translation>전방 압박</translation>
  </message>
  <message>
    <source>infra-mammary fold</source>
    <translation>유방밑주름</translation>
  </message>
  <message>
    <source>axillary tissue</source>
    <translation>액와 조직</translation>
  </message>
  <message>
    <source>Fit to the pane</source>
    <translation>창에 맞춤</translation>
  </message>
</context>
</TS>
