import RefrainTestSupport
import Testing

@testable import RefrainData

/// A message with a field of every kind.
private struct Sample: ProtocolMessage, Equatable {
  var text = ""
  var texts: [String] = []
  var content: ArraySlice<UInt8>?
  var contents: [ArraySlice<UInt8>] = []
  var integer: Int?
  var small: Int32?
  var float: Float?
  var double: Double?
  var integers: [Int] = []
  var packed: [Int] = []
  var smalls: [Int32] = []
  var unsigned: [UInt64] = []
  var floats: [Float] = []
  var doubles: [Double] = []
  var inner: Inner?
  var inners: [Inner] = []

  mutating func visit(_ fields: inout ProtocolCoder) {
    fields.text(1, &text)
    fields.texts(2, &texts)
    fields.bytes(3, &content)
    fields.bytes(4, &contents)
    fields.number(5, &integer)
    fields.number(6, &small)
    fields.number(7, &float)
    fields.number(8, &double)
    fields.numbers(9, &integers, packed: false)
    fields.numbers(10, &packed, packed: true)
    fields.numbers(11, &smalls, packed: true)
    fields.numbers(12, &unsigned, packed: false)
    fields.numbers(13, &floats, packed: true)
    fields.numbers(14, &doubles, packed: false)
    fields.message(15, &inner)
    fields.messages(1000, &inners)
  }

  /// A number or a name, and messages within.
  struct Inner: ProtocolMessage, Equatable {
    var number: Int?
    var name = ""
    var next: [Inner] = []

    mutating func visit(_ fields: inout ProtocolCoder) {
      if fields.number(1, &number) { name = "" }
      if fields.text(2, &name) { number = nil }
      fields.messages(3, &next)
    }
  }
}

@Suite struct `Messages of Protocol Buffers` {
  private func read(_ digits: String) throws(DataError) -> Sample { try Sample(encoded: [UInt8](hexadecimal: digits)) }

  private func problem(_ digits: String) -> String? {
    dataError { () throws(DataError) in try read(digits) }?.problem
  }

  @Test func `are what they were after they were written and read`() throws {
    #expect(Sample().encoded() == [])
    #expect(try Sample(encoded: []) == Sample())
    var sample = Sample(
      text: "wörds", texts: ["", "a"], content: [0, 0xFF], contents: [[], [1]], integer: -1, small: -2, float: 0,
      double: -0.5, integers: [0, 1 << 40, .min], packed: [.max, -1, 300], smalls: [.min, .max], unsigned: [.max, 0],
      floats: [1.5, -.infinity], doubles: [.pi], inner: Sample.Inner(number: 0),
      inners: [Sample.Inner(), Sample.Inner(name: "n", next: [Sample.Inner(number: 7)])])
    #expect(try Sample(encoded: sample.encoded()) == sample)
    // Lengths of one, two and three bytes, of messages within each other.
    for count in [100, 127, 128, 200, 16_380, 20_000] {
      sample.inners[1].next[0].name = String(repeating: "x", count: count)
      sample.inners[1].next[0].number = nil
      #expect(try Sample(encoded: sample.encoded()) == sample)
    }
  }

  @Test func `have the bytes of the examples of the format's description`() throws {
    // protobuf.dev/programming-guides/encoding: 150; "testing"; a message that holds 150; packed 3, 270, 86942; -2.
    #expect(try read("28 96 01").integer == 150)
    #expect(Sample(integer: 150).encoded() == [UInt8](hexadecimal: "28 96 01"))
    #expect(Sample(text: "testing").encoded() == [UInt8](hexadecimal: "0a 07 74 65 73 74 69 6e 67"))
    #expect(Sample(inner: .init(number: 150)).encoded() == [UInt8](hexadecimal: "7a 03 08 96 01"))
    #expect(Sample(packed: [3, 270, 86942]).encoded() == [UInt8](hexadecimal: "52 06 03 8e 02 9e a7 05"))
    #expect(Sample(small: -2).encoded() == [UInt8](hexadecimal: "30 fe ff ff ff ff ff ff ff ff 01"))
    #expect(Sample(inners: [.init()]).encoded() == [UInt8](hexadecimal: "c2 3e 00"))
  }

  @Test func `hold numbers from end to end`() throws {
    #expect(try read("28 ff ff ff ff ff ff ff ff 7f").integer == .max)
    #expect(try read("28 80 80 80 80 80 80 80 80 80 01").integer == .min)
    // Longer than it must be, and with bits beyond the 64th.
    #expect(try read("28 81 80 00").integer == 1)
    #expect(try read("28 ff ff ff ff ff ff ff ff ff 7f").integer == -1)
    #expect(problem("28 80 80 80 80 80 80 80 80 80 80 00") == "a number is longer than ten bytes")
    // 32 bits are the lowest of 64.
    #expect(try read("30 ff ff ff ff 0f").small == -1)
    #expect(try read("30 81 80 80 80 70").small == 1)
    #expect(try read("30 fe ff ff ff ff ff ff ff ff 01").small == -2)
    #expect(try read("3d 00 00 c0 7f").float?.isNaN == true)
    #expect(try read("41 00 00 00 00 00 00 f0 bf").double == -1)
  }

  @Test func `may have numbers in runs or singly`() throws {
    for digits in ["48 01 48 02 48 ac 02", "4a 04 01 02 ac 02", "4a 01 01 48 02 4a 02 ac 02 4a 00"] {
      #expect(try read(digits).integers == [1, 2, 300])
    }
    for digits in ["6d 00 00 80 3f 6d 00 00 00 c0", "6a 08 00 00 80 3f 00 00 00 c0"] {
      #expect(try read(digits).floats == [1, -2])
    }
    #expect(try read("71 00 00 00 00 00 00 f0 3f").doubles == [1])
    // A run that ends within a number.
    #expect(problem("52 01 80") == "it ends within a field")
    #expect(problem("6a 03 00 00 80") == "its messages cannot be decoded")
  }

  @Test func `take the last of several values, and bring messages together`() throws {
    #expect(try read("28 01 28 02").integer == 2)
    #expect(try read("0a 01 61 0a 01 62").text == "b")
    #expect(try read("1a 01 61 1a 00").content == [])
    let merged = try read("7a 02 08 05 7a 03 12 01 61 7a 04 1a 02 08 07")
    #expect(merged.inner == Sample.Inner(name: "a", next: [Sample.Inner(number: 7)]))
    // The number and the name are one of the two.
    #expect(try read("7a 05 12 01 61 08 05").inner == Sample.Inner(number: 5))
    #expect(try read("7a 05 08 05 12 01 61").inner == Sample.Inner(name: "a"))
  }

  @Test func `pass over what nobody knows`() throws {
    // Fields 16 and 536870911 of every kind, and known numbers of other kinds.
    #expect(try read("80 01 05 81 01 00 00 00 00 00 00 00 00 82 01 02 ff ff 85 01 00 00 00 00 28 07").integer == 7)
    #expect(try read("f8 ff ff ff 0f 01 28 07").integer == 7)
    #expect(try read("08 01 2a 01 01 2d 00 00 00 00 79 00 00 00 00 00 00 00 00 3a 04 00 00 00 00") == Sample())
    // What is unknown within a message is no field of the one around it.
    #expect(try read("7a 06 28 07 08 01 28 09") == Sample(inner: Sample.Inner(number: 1)))
    #expect(try read("7a 05 c2 3e 02 08 01") == Sample(inner: Sample.Inner()))
  }

  @Test func `that are none are refused`() {
    for digits in ["28", "28 80", "28 80 80", "41 00", "3d 00 00 00", "0a", "0a 80"] {
      #expect(problem(digits) == "it ends within a field", "\(digits)")
    }
    for digits in [
      "0a 01", "0a ff ff ff ff ff ff ff ff ff 01", "7a 02 0a 05 00", "82 01 05 00 00 00 00", "7a 02 12 01 61",
    ] {
      #expect(problem(digits) == "a field reaches beyond its end", "\(digits)")
    }
    // The field 0, one beyond the last, groups, and kinds that there are not.
    for digits in ["00 00", "02 00", "80 80 80 80 10 00", "0b 0c", "0c", "0e", "0f", "83 01 84 01"] {
      #expect(problem(digits) == "byte 0 begins no field", "\(digits)")
    }
    #expect(problem("28 07 7a 02 08 01 0b") == "byte 6 begins no field")
    #expect(problem("0a 01 ff") == "its messages cannot be decoded")
    #expect(problem("7a 05 12 03 ed a0 80") == "its messages cannot be decoded")
  }

  @Test func `nest up to a bound, and are no larger in memory than ten times their size`() {
    func nested(_ depth: Int) -> Sample.Inner {
      (1..<depth).reduce(Sample.Inner(number: 1)) { inner, _ in Sample.Inner(next: [inner]) }
    }
    func problem(_ bytes: [UInt8]) -> String? {
      dataError { () throws(DataError) in try Sample.Inner(encoded: bytes) }?.problem
    }
    #expect(problem(nested(33).encoded()) == nil)
    #expect(problem(nested(34).encoded()) == "its messages are nested more than 32 deep")
    #expect(problem(nested(300).encoded()) == "its messages are nested more than 32 deep")
    let tooLarge = "its messages would need more than ten times its size in memory"
    func messages(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in [0x1A, 0] as [UInt8] } }
    // 256 bytes each, of 32 MB.
    #expect(problem(messages(1 << 17)) == nil)
    #expect(problem(messages(1 << 17 + 1)) == tooLarge)
    // What is not read costs nothing.
    #expect(problem((0..<1 << 20).flatMap { _ in [0x22, 0] as [UInt8] }) == nil)
    // A run of numbers of a byte each takes eight times as much, which is allowed.
    let run = Sample(packed: Array(repeating: 1, count: 5 << 20)).encoded()
    let refusal = dataError { () throws(DataError) in try Sample(encoded: run) }
    #expect(refusal == nil)
  }

  @Test func `are read in a time that grows with their size alone`() throws {
    // Messages that are given again and again are added to, not copied, and so are runs of numbers.
    let pieces: [(bytes: [UInt8], count: Int)] = [([0x7A, 4, 0x1A, 2, 8, 1], 5_000), ([0x52, 1, 1], 20_000)]
    for piece in pieces {
      /// The fastest of five readings.
      func time(_ count: Int) throws -> Duration {
        let bytes = (0..<count).flatMap { _ in piece.bytes }
        return try (0..<5).map { _ in
          try ContinuousClock().measure {
            let sample = try Sample(encoded: bytes)
            #expect(max(sample.inner?.next.count ?? 0, sample.packed.count) == count)
          }
        }.min() ?? .zero
      }
      // Eight times as many took 64 times as long if each were copied with those before it.
      let (few, many) = (try time(piece.count), try time(8 * piece.count))
      #expect(many < few * 24, "\(few), \(many)")
    }
  }

  @Test func `of any bytes give an error or a message`() async {
    await #expect(processExitsWith: .success) {
      let sample = Sample(
        text: "wörds", texts: ["", "a"], content: [0, 0xFF], integer: -1, small: -2, float: 0, packed: [.max, -1, 300],
        floats: [1.5], inner: Sample.Inner(number: 0),
        inners: [Sample.Inner(name: "n", next: [Sample.Inner(number: 7)])])
      try fuzz([sample.encoded()], count: 100_000) { bytes in
        let read = try Sample(encoded: bytes)
        // What is written of it is read as the same.
        let written = read.encoded()
        guard try Sample(encoded: written).encoded() == written else { fatalError("written otherwise") }
      }
    }
  }

  /// With TensorFlow's messages, from `tensorboard.compat.proto` of TensorBoard 2.21:
  ///
  ///     event = Event(wall_time=1.5, step=3)
  ///     event.summary.value.add(tag="l", simple_value=0.5)
  ///     event.summary.value.add(tag="h", histo=HistogramProto(
  ///       min=-1, max=1, num=3, sum=0.5, sum_squares=2.25, bucket_limit=[0, 1], bucket=[1, 2]))
  ///     text = event.summary.value.add(tag="t")
  ///     text.metadata.plugin_data.plugin_name = "text"
  ///     text.tensor.dtype = 7
  ///     text.tensor.string_val.append(b"*a*")
  ///     text.tensor.tensor_shape.dim.add(size=1)
  ///     for message in [Event(wall_time=1.5, file_version="brain.Event:2"),
  ///                     Event(wall_time=1.5, step=3, session_log=SessionLog(status=SessionLog.START)), event]:
  ///       print(message.SerializeToString().hex())
  @Test func `for TensorBoard are those that its own library writes`() {
    let first = EventMessage(time: 1.5, version: "brain.Event:2")
    #expect(first.encoded() == [UInt8](hexadecimal: "09000000000000f83f1a0d627261696e2e4576656e743a32"))
    let start = EventMessage(time: 1.5, step: 3, session: SessionMessage(status: SessionMessage.start))
    #expect(start.encoded() == [UInt8](hexadecimal: "09000000000000f83f10033a020801"))
    let histogram = HistogramMessage(
      least: -1, greatest: 1, count: 3, sum: 0.5, sumOfSquares: 2.25, limits: [0, 1], counts: [1, 2])
    let text = TextMessage(type: TextMessage.string, shape: .init(axes: [.init(size: 1)]), texts: ["*a*"])
    let event = EventMessage(
      time: 1.5, step: 3,
      summary: SummaryMessage(values: [
        .init(tag: "l", scalar: 0.5), .init(tag: "h", histogram: histogram),
        .init(tag: "t", text: text, metadata: .init(plugin: .init(name: "text"))),
      ]))
    #expect(
      event.encoded()
        == [UInt8](
          hexadecimal: """
            09000000000000f83f10032a80010a080a016c150000003f0a560a01682a5109000000000000f0bf11000000000000f03f19000000
            000000084021000000000000e03f29000000000000024032100000000000000000000000000000f03f3a10000000000000f03f0000
            0000000000400a1c0a0174420d080712041202080142032a612a4a080a060a0474657874
            """))
  }
}
