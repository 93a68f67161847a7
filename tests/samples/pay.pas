{ Pays a bill with a scanned code, and never charges twice when no answer comes.

    fpc pay.pas
    printf '%s\n' "$CODE" | ./pay http://127.0.0.1:7460 B20261128-0001 12.30

  Free Pascal 3.2 or Lazarus; nothing to install. Codes are read from standard input, one a line, as a scanner
  types them. Standard output is the cashier's screen, standard error the log. Exit status: 0 paid; 1 not paid,
  and nothing was charged; 3 open: not known whether the patient was charged.

  The source for what follows is the library itself: packages/fcl-web/src/base/fphttpclient.pp of FPC 3.2.2.

  OFF  KeepConnection, which is off by itself. With it DoKeepConnectionRequest sends a POST again, and again,
       for as long as a connection closes without an answer.
  OFF  AllowRedirect, which is off by itself.
  ON   Bodies of errors. Post and Get raise EHTTPClient for each status but 200, and the body is lost.
       HTTPMethod with an empty list of statuses returns all of them.
  ON   A look at what came. A connection that closes without an answer is status 0, and half of an answer is
       an answer, without an exception: so status and Content-Length are compared here.
  ON   A time limit of at least 60 s (IOTimeout). It counts between two pieces of an answer. }
program pay;

{$mode objfpc}{$H+}

uses
  {$ifdef unix}cthreads, cwstring,{$endif}
  Classes, SysUtils, StrUtils, fphttpclient, fpjson, jsonparser;

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
    Members: TJSONObject;
    destructor Destroy; override;
    { A text of the JSON body by its path, or ''. }
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
    function Ask(const Method, Target, Code, Body: string): TAnswer;
  end;

procedure Screen(const Text: string);
begin
  WriteLn(Output, Text);
  Flush(Output);
end;

procedure Log(const Text: string);
begin
  WriteLn(StdErr, Text);
  Flush(StdErr);
end;

destructor TAnswer.Destroy;
begin
  Members.Free;
  inherited;
end;

function TAnswer.Member(const Path: string): string;
var
  Found: TJSONData;
begin
  Found := Members.FindPath(Path);
  if (Found = nil) or (Found.JSONType in [jtNull, jtObject, jtArray]) then
    Result := ''
  else
    Result := Found.AsString;
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
  Result := Ask('POST', PayPath, Code, Format('{"institution":"%s","msgid":"%s","amount":"%s"}',
    [Institution, Bill, Amount]));
end;

function TTill.Judge(const Code: string; Answer: TAnswer): TVerdict;
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
  case Answer.Member('action') of
    'resend': Result := vdAgain;
    'rescan', 'patient': Result := vdFree;
    'vendor', 'operator': Result := vdStop;
  else
    { "query", "wait", and what a later version may add. After outcome_unknown the gateway has done its part, so
      the query comes at once. }
    if Answer.Outcome = 'outcome_unknown' then
      Result := FindOut(Code, Answer.Member('redemption'))
    else
      Result := FindOut(Code, '');
  end;
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
      else if Known.Member('final') = 'True' then
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
    Result := Ask('GET', StatusPath, Code, '');
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
  Answer := Ask('GET', QueryPath + '?redemption=' + EncodeURLElement(Redemption), '', '');
  try
    if (Answer.Outcome <> 'approved') or (Answer.Status <> 200) then
      raise ENoAnswer.Create(Answer.Outcome);
    State := Answer.Member('output.state');
    Log('bill=' + Bill + ' redemption=' + Redemption + ' book=' + State);
    case State of
      'settled':
        begin
          if (Answer.Member('output.msgid') = Bill) and (Answer.Member('output.amount') = Amount) then
            Exit(vdPaid);
          { A code that was shown twice: it has paid, but not this bill. }
          Screen('THIS CODE HAS PAID ' + Answer.Member('output.msgid') + ', NOT ' + Bill);
          Result := vdFree;
        end;
      'not_found', 'refunded', 'reversed':
        begin
          { Where your platform asks for a reversal (2601) after an unknown outcome, send it here. }
          Screen(Answer.MemberOr('err_msg', State));
          Result := vdFree;
        end;
    else
      raise ENoAnswer.Create('state ' + State);
    end;
  finally
    Answer.Free;
  end;
end;

{ One request, one answer. Nothing is sent a second time here. }
function TTill.Ask(const Method, Target, Code, Body: string): TAnswer;
var
  Client: TFPHTTPClient;
  Received: TStringStream;
  Parsed: TJSONData;
  Status: Integer;
  Announced, Outcome, Path: string;
begin
  Inc(Requests);
  Client := TFPHTTPClient.Create(nil);
  Received := TStringStream.Create('');
  try
    Client.KeepConnection := False;
    Client.AllowRedirect := False;
    Client.ConnectTimeout := Seconds * 1000;
    Client.IOTimeout := Seconds * 1000;
    { Your own number of this request: the gateway keeps it in its record. }
    Client.AddHeader('X-Request-Id', Format('%s-%d', [Bill, Requests]));
    if Code <> '' then
      Client.AddHeader('Yanma-Code', Code);
    if Body <> '' then
    begin
      Client.AddHeader('Content-Type', 'application/json');
      { The same number and the same bytes each time: then a repetition is never forwarded. }
      Client.AddHeader('Idempotency-Key', '"' + Bill + '"');
      Client.RequestBody := TStringStream.Create(Body);
    end;
    try
      Client.HTTPMethod(Method, Gateway + Target, Received, []);
    except
      on Problem: Exception do
        raise ENoAnswer.Create(Problem.Message);
    end;
    Status := Client.ResponseStatusCode;
    Announced := Client.GetHeader(Client.ResponseHeaders, 'Content-Length');
    if (Status = 0) or ((Announced <> '') and (StrToInt64Def(Announced, -1) <> Received.Size)) then
      raise ENoAnswer.Create('the connection closed before the whole answer had come');
    Outcome := Trim(Client.GetHeader(Client.ResponseHeaders, 'Yanma-Outcome'));
    if Outcome = '' then
      raise ENoAnswer.CreateFmt('status %d from another program than the gateway', [Status]);
    try
      Parsed := GetJSON(Received.DataString);
    except
      Parsed := nil;
    end;
    if not (Parsed is TJSONObject) then
    begin
      Parsed.Free;
      Parsed := TJSONObject.Create;
    end;
    Result := TAnswer.Create;
    Result.Status := Status;
    Result.Outcome := Outcome;
    Result.Members := Parsed as TJSONObject;
    Path := ExtractWord(1, Target, ['?']);
    Log(Format('%s %s status=%d outcome=%s request_id=%s error_code=%s', [Method, Path, Status, Outcome,
      Trim(Client.GetHeader(Client.ResponseHeaders, 'Yanma-Request-Id')), Result.MemberOr('error_code', '-')]));
  finally
    Client.RequestBody.Free;
    Client.Free;
    Received.Free;
  end;
end;

function IsVisible(const Code: string): Boolean;
var
  Letter: Char;
begin
  for Letter in Code do
    if not (Letter in ['!'..'~']) then
      Exit(False);
  Result := True;
end;

var
  Till: TTill;
  Code: string;
begin
  if (ParamCount < 3) or (ParamCount > 4) then
  begin
    Log('usage: pay GATEWAY BILL AMOUNT [SECONDS]');
    Halt(64);
  end;
  { Sentences are UTF-8, whatever the code page of the machine is. }
  SetMultiByteConversionCodePage(CP_UTF8);
  SetTextCodePage(Output, CP_UTF8);
  Till := TTill.Create;
  Till.Gateway := ParamStr(1);
  Till.Bill := ParamStr(2);
  Till.Amount := ParamStr(3);
  Till.Seconds := StrToIntDef(ParamStr(4), 60);
  while not Eof(Input) do
  begin
    ReadLn(Input, Code);
    Code := Trim(Code);
    if not IsVisible(Code) then
    begin
      Screen('NOT A CODE: switch the scanner''s keyboard to English, and scan again');
      Continue;
    end;
    case Till.Charge(Code) of
      vdPaid:
        begin
          Screen('PAID ' + Till.Bill + ' ' + Till.Amount);
          Halt(0);
        end;
      vdOpen:
        begin
          Screen('OPEN ' + Till.Bill + ': not known whether it was charged. Query it, do not charge again');
          Halt(3);
        end;
      vdStop:
        begin
          Screen('NOT CHARGED ' + Till.Bill);
          Halt(1);
        end;
    else
      Screen('NOT CHARGED ' + Till.Bill);
    end;
  end;
  Halt(1);
end.
