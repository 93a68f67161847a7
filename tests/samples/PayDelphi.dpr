{ NOT RUN: no test of this project compiles or runs this file. The same steps are run in pay.pas.

  Pays a bill with a scanned code, and never charges twice when no answer comes.

    printf '%s\n' "$CODE" | PayDelphi.exe http://127.0.0.1:7460 B20261128-0001 12.30

  Delphi 10.1 or later with the Indy that it has. Codes are read from standard input, one a line, as a scanner
  types them. Standard output is the cashier's screen, standard error the log. Exit status: 0 paid; 1 not paid,
  and nothing was charged; 3 open: not known whether the patient was charged.

  The source for what follows is Indy itself: Lib/Protocols/IdHTTP.pas of https://github.com/IndySockets/Indy.

  OFF  Repetition. TIdHTTP sends a request once, but for authentication and redirects: MaxAuthRetries is 0 and
       HandleRedirects False. Do not use what stands on WinInet (TWebRequest, MSXML2.XMLHTTP): it sends a POST
       again when the connection breaks (https://www.betaarchive.com/wiki/index.php?title=Microsoft_KB_Archive/833301).
  OFF  Kept connections. The gateway closes an idle one without a word (idle_ms), and a request that meets this
       has no answer. A till pays seldom, so each request has a TIdHTTP of its own.
  ON   Bodies of errors: hoNoProtocolErrorException, or each 4xx and 5xx is an EIdHTTPProtocolException, and
       hoWantProtocolErrorContent, or the body is thrown away. Older Indy has them not: there read
       EIdHTTPProtocolException.ErrorMessage, which is the body.
  ON   A look at what came. TIdHTTP takes half of an error's body for all of it (CheckException swallows
       EIdConnClosedGracefully), so Content-Length is compared here.
  ON   A time limit of at least 60 s (ReadTimeout; without it Indy waits forever). It counts between two pieces
       of an answer. }
program PayDelphi;

{$APPTYPE CONSOLE}

uses
  System.SysUtils, System.Classes, System.StrUtils, System.JSON, System.NetEncoding, Winapi.Windows,
  IdHTTP, IdException;

const
  Institution = 'H37010000001';
  { What the operator of your gateway tells you. }
  PayPath = '/pay';
  QueryPath = '/query';
  StatusPath = '/yanma/redemptions';
  Attempts = 3;
  { Longer than any request is under way: your gateway's timeout_ms is less. }
  UnderWaySeconds = 60;

type
  { Free: not charged, scan a new code. Stop: not charged. Open: not known. Again: send the same bytes. }
  TVerdict = (vdPaid, vdFree, vdStop, vdOpen, vdAgain);

  { No whole answer of the gateway came: what the request did is not known. }
  ENoAnswer = class(Exception);

  TAnswer = class
    Status: Integer;
    Outcome: string;
    Members: TJSONValue;
    destructor Destroy; override;
    { A text, number or word of the JSON body by its path, or ''. }
    function Member(const Path: string): string;
    function MemberOr(const Path, Other: string): string;
  end;

  TTill = class
    Gateway, Bill, Amount: string;
    Seconds, Requests: Integer;
    function Charge(const Code: string): TVerdict;
    function Send(const Code: string): TAnswer;
    function Judge(const Code: string; Answer: TAnswer): TVerdict;
    function FindOut(const Code, Redemption: string): TVerdict;
    function Fate(const Code: string): TAnswer;
    function Query(const Redemption: string): TVerdict;
    function Ask(const Target, Code, Body: string): TAnswer;
  end;

procedure Screen(const Text: string);
begin
  WriteLn(Text);
end;

procedure Log(const Text: string);
begin
  WriteLn(ErrOutput, Text);
end;

destructor TAnswer.Destroy;
begin
  Members.Free;
  inherited;
end;

function TAnswer.Member(const Path: string): string;
begin
  if (Members = nil) or not Members.TryGetValue<string>(Path, Result) then
    Result := '';
end;

function TAnswer.MemberOr(const Path, Other: string): string;
begin
  Result := Member(Path);
  if Result = '' then
    Result := Other;
end;

function TTill.Charge(const Code: string): TVerdict;
var
  Attempt: Integer;
  IsUnknown: Boolean;
  Answer: TAnswer;
begin
  IsUnknown := False;
  for Attempt := 1 to Attempts do
  begin
    Answer := nil;
    try
      Answer := Send(Code);
    except
      on Problem: ENoAnswer do
        Screen('NO ANSWER: ' + Problem.Message);
    end;
    try
      if Answer = nil then
      begin
        IsUnknown := True;
        Result := FindOut(Code, '');
      end
      else
      begin
        Result := Judge(Code, Answer);
        { The golden rule: a refusal says nothing about what was sent before it. }
        if IsUnknown and (Result in [vdFree, vdStop]) then
          Result := FindOut(Code, '');
      end;
    finally
      Answer.Free;
    end;
    if Result <> vdAgain then
      Exit;
    Sleep(1000);
  end;
  if IsUnknown then
    Result := vdOpen
  else
    Result := vdFree;
end;

function TTill.Send(const Code: string): TAnswer;
begin
  { Your program stores the bill as "sent" before this line. After a crash it starts with the query for such a
    bill: /query?institution=...&msgid=... }
  Result := Ask(PayPath, Code, Format('{"institution":"%s","msgid":"%s","amount":"%s"}',
    [Institution, Bill, Amount]));
end;

function TTill.Judge(const Code: string; Answer: TAnswer): TVerdict;
var
  Action: string;
begin
  if Answer.Outcome = 'approved' then
  begin
    { The settlement system's own answer. Only its clear yes is a yes. }
    if (Answer.Status = 200) and (Answer.Member('infcode') = '0') then
      Exit(vdPaid);
    Screen(Answer.MemberOr('err_msg', 'status ' + IntToStr(Answer.Status)));
    Exit(FindOut(Code, ''));
  end;
  Screen(Answer.MemberOr('message_zh', 'status ' + IntToStr(Answer.Status)));
  Action := Answer.Member('action');
  if Action = 'resend' then
    Exit(vdAgain);
  if (Action = 'rescan') or (Action = 'patient') then
    Exit(vdFree);
  if (Action = 'vendor') or (Action = 'operator') then
    Exit(vdStop);
  { "query", "wait", and what a later version may add. After outcome_unknown the gateway has done its part, so
    the query comes at once. }
  if Answer.Outcome = 'outcome_unknown' then
    Result := FindOut(Code, Answer.Member('redemption'))
  else
    Result := FindOut(Code, '');
end;

{ What became of a code that was sent. It charges nothing. }
function TTill.FindOut(const Code, Redemption: string): TVerdict;
var
  Known: TAnswer;
begin
  try
    if Redemption <> '' then
      Exit(Query(Redemption));
    Known := Fate(Code);
    try
      if Known.Member('state') <> 'not_seen' then
        Result := Query(Known.Member('redemption'))
      else if SameText(Known.Member('final'), 'true') then
        Result := vdFree
      else
        { The request may still arrive. The contract allows the very same request again, and only that. }
        Result := vdAgain;
    finally
      Known.Free;
    end;
  except
    on Problem: ENoAnswer do
    begin
      Log('bill=' + Bill + ' not found out: ' + Problem.Message);
      Result := vdOpen;
    end;
  end;
end;

{ What the gateway knows of the code, once no request with it is under way. }
function TTill.Fate(const Code: string): TAnswer;
var
  Second: Integer;
  State: string;
  IsState: Boolean;
begin
  for Second := 1 to UnderWaySeconds do
  begin
    Result := Ask(StatusPath, Code, '');
    State := Result.Member('state');
    Log('bill=' + Bill + ' state=' + State);
    IsState := (Result.Outcome = 'approved') and (State <> '');
    if IsState and (State <> 'running') then
      Exit;
    State := Result.Outcome;
    Result.Free;
    if not IsState then
      raise ENoAnswer.Create(State);
    Sleep(1000);
  end;
  raise ENoAnswer.Create('the request is still under way');
end;

{ What the settlement system has in its book. }
function TTill.Query(const Redemption: string): TVerdict;
var
  Answer: TAnswer;
  State: string;
begin
  Answer := Ask(QueryPath + '?redemption=' + TNetEncoding.URL.Encode(Redemption), '', '');
  try
    if (Answer.Outcome <> 'approved') or (Answer.Status <> 200) then
      raise ENoAnswer.Create(Answer.Outcome);
    State := Answer.Member('output.state');
    Log('bill=' + Bill + ' redemption=' + Redemption + ' book=' + State);
    if State = 'settled' then
    begin
      if (Answer.Member('output.msgid') = Bill) and (Answer.Member('output.amount') = Amount) then
        Exit(vdPaid);
      { A code that was shown twice: it has paid, but not this bill. }
      Screen('THIS CODE HAS PAID ' + Answer.Member('output.msgid') + ', NOT ' + Bill);
      Exit(vdFree);
    end;
    if (State <> 'not_found') and (State <> 'refunded') and (State <> 'reversed') then
      raise ENoAnswer.Create('state ' + State);
    { Where your platform asks for a reversal (2601) after an unknown outcome, send it here. }
    Screen(Answer.MemberOr('err_msg', State));
    Result := vdFree;
  finally
    Answer.Free;
  end;
end;

{ One request, one answer. Nothing is sent a second time here. }
function TTill.Ask(const Target, Code, Body: string): TAnswer;
var
  Client: TIdHTTP;
  Sent: TStringStream;
  Received: TBytesStream;
  Outcome: string;
begin
  Inc(Requests);
  Client := TIdHTTP.Create(nil);
  Sent := TStringStream.Create(Body, TEncoding.UTF8);
  Received := TBytesStream.Create;
  try
    Client.HTTPOptions := Client.HTTPOptions + [hoNoProtocolErrorException, hoWantProtocolErrorContent];
    Client.HandleRedirects := False;
    Client.MaxAuthRetries := 0;
    Client.ConnectTimeout := Seconds * 1000;
    Client.ReadTimeout := Seconds * 1000;
    Client.Request.Connection := 'close';
    { A folded header is refused, and a code has 255 digits. }
    Client.Request.CustomHeaders.FoldLines := False;
    { Your own number of this request: the gateway keeps it in its record. }
    Client.Request.CustomHeaders.AddValue('X-Request-Id', Format('%s-%d', [Bill, Requests]));
    if Code <> '' then
      Client.Request.CustomHeaders.AddValue('Yanma-Code', Code);
    try
      if Body = '' then
        Client.Get(Gateway + Target, Received)
      else
      begin
        Client.Request.ContentType := 'application/json';
        { The same number and the same bytes each time: then a repetition is never forwarded. }
        Client.Request.CustomHeaders.AddValue('Idempotency-Key', '"' + Bill + '"');
        Client.Post(Gateway + Target, Sent, Received);
      end;
    except
      on Problem: Exception do
        raise ENoAnswer.Create(Problem.Message);
    end;
    if (Client.Response.ContentLength >= 0) and (Client.Response.ContentLength <> Received.Size) then
      raise ENoAnswer.Create('the connection closed before the whole answer had come');
    Outcome := Client.Response.RawHeaders.Values['Yanma-Outcome'];
    if Outcome = '' then
      raise ENoAnswer.CreateFmt('status %d from another program than the gateway', [Client.ResponseCode]);
    Result := TAnswer.Create;
    Result.Status := Client.ResponseCode;
    Result.Outcome := Outcome;
    Result.Members := TJSONObject.ParseJSONValue(TEncoding.UTF8.GetString(Received.Bytes, 0, Received.Size));
    Log(Format('%s status=%d outcome=%s request_id=%s error_code=%s', [Target.Split(['?'])[0], Result.Status,
      Outcome, Client.Response.RawHeaders.Values['Yanma-Request-Id'], Result.MemberOr('error_code', '-')]));
  finally
    Received.Free;
    Sent.Free;
    Client.Free;
  end;
end;

function IsVisible(const Code: string): Boolean;
var
  Letter: Char;
begin
  for Letter in Code do
    if (Letter < '!') or (Letter > '~') then
      Exit(False);
  Result := True;
end;

var
  Till: TTill;
  Code: string;
  Verdict: TVerdict;
begin
  if (ParamCount < 3) or (ParamCount > 4) then
  begin
    Log('usage: PayDelphi GATEWAY BILL AMOUNT [SECONDS]');
    Halt(64);
  end;
  SetConsoleOutputCP(CP_UTF8);
  SetTextCodePage(Output, CP_UTF8);
  Till := TTill.Create;
  Till.Gateway := ParamStr(1);
  Till.Bill := ParamStr(2);
  Till.Amount := ParamStr(3);
  Till.Seconds := StrToIntDef(ParamStr(4), 60);
  while not Eof(Input) do
  begin
    ReadLn(Code);
    Code := Trim(Code);
    if not IsVisible(Code) then
    begin
      Screen('NOT A CODE: switch the scanner''s keyboard to English, and scan again');
      Continue;
    end;
    Verdict := Till.Charge(Code);
    if Verdict = vdPaid then
    begin
      Screen('PAID ' + Till.Bill + ' ' + Till.Amount);
      Halt(0);
    end;
    if Verdict = vdOpen then
    begin
      Screen('OPEN ' + Till.Bill + ': not known whether it was charged. Query it, do not charge again');
      Halt(3);
    end;
    Screen('NOT CHARGED ' + Till.Bill);
    if Verdict = vdStop then
      Halt(1);
  end;
  Halt(1);
end.
