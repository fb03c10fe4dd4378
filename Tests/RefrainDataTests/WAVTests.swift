import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("WAV files") struct WAVTests {
  @Test(
    "are read as libsndfile reads them, in every way that samples are written",
    arguments: [
      "pcm8", "pcm16", "pcm24", "pcm32", "float32", "float64", "alaw", "ulaw", "extensible", "rf64", "rifx",
    ])
  func reading(_ name: String) throws {
    let recording = try Recording(contentsOf: fixturePath("sound/\(name).wav"))
    let wanted = try Fixture("sound")("wav.\(name)")
    #expect(recording.sampleRate == 8000 && recording.notes.isEmpty && recording.channels.count == 2)
    #expect(recording.channels.flatMap(\.self) == wanted.values)
  }

  private let tone = Recording(
    channels: [(0..<50).map { sin(Float($0) * 0.4) * 0.9 }, (0..<50).map { cos(Float($0) * 0.3) * 0.5 }],
    sampleRate: 22_050)

  @Test(
    "that are written are read as the same, within what the samples can hold", arguments: Recording.WAVEncoding.allCases
  )
  func writing(_ encoding: Recording.WAVEncoding) throws {
    let again = try Recording(wav: tone.wav(encoding))
    #expect(again.sampleRate == 22_050 && again.notes.isEmpty && again.count == 50)
    let difference = zip(again.channels.joined(), tone.channels.joined()).map { abs($0 - $1) }.max() ?? 1
    let bound: Float =
      switch encoding {
      case .pcm8: 0.6 / 128
      case .pcm16: 0.6 / 32768
      case .pcm24, .pcm32: 1e-7
      case .float32, .float64: 0
      case .aLaw, .muLaw: 0.03
      }
    #expect(difference <= bound)
    // What is beyond the ends stays there.
    let loud = try Recording(wav: Recording([2, -2, 0], sampleRate: 8).wav(encoding)).mono
    if encoding != .float32, encoding != .float64 { #expect(loud[0] > 0.95 && loud[0] <= 1 && loud[1] < -0.95) }
    #expect(abs(loud[2]) < 0.001)
  }

  @Test("of several channels have their mean as mono")
  func mono() {
    let mono = tone.mono
    #expect(mono.count == 50 && mono[7] == (tone.channels[0][7] + tone.channels[1][7]) / 2)
    #expect(abs(tone.seconds - 50 / 22_050) < 1e-12)
  }

  // MARK: - Faults

  /// The bytes of a mono file of 16-bit samples.
  private func bytes(_ change: (inout [UInt8]) -> Void = { _ in }) throws -> [UInt8] {
    var bytes = try Recording((0..<10).map { Float($0) / 100 }, sampleRate: 8000).wav()
    change(&bytes)
    return bytes
  }

  private func put(_ value: UInt32, at place: Int, _ bytes: inout [UInt8]) {
    for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)) }
  }

  @Test("that break off or do not say how long they are, are read as far as they go, with a note")
  func mended() throws {
    let short = try Recording(wav: bytes { $0.removeLast(7) })
    #expect(short.count == 6 && short.notes.count == 2)
    #expect(short.notes[0] == "the file breaks off: 13 bytes of sound are there, of 20")
    #expect(short.notes[1] == "1 bytes at the end are no whole sample, and are left out")
    for size: UInt32 in [0, 0xFFFF_FFFF, 0x7FFF_FFFF] {
      let open = try Recording(wav: bytes { put(size, at: 40, &$0) })
      #expect(open.count == 10)
      #expect(open.notes == ["the header does not say how long the recording is; all of the file is read"])
    }
    // Other parts, of odd lengths too, stand before and after.
    let list: [UInt8] = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
    let other = try Recording(wav: bytes { $0 = Array($0[..<36]) + list + Array($0[36...]) + list })
    #expect(other.count == 10 && other.notes.isEmpty)
    let wrong = try Recording(wav: bytes { $0[32] = 9 })
    #expect(wrong.notes == ["the header is wrong about the size of a sample, which is 2 bytes"])
  }

  @Test("that cannot be understood are refused with what is wrong")
  func refused() throws {
    func fault(_ change: (inout [UInt8]) -> Void) throws -> String {
      let bytes = try bytes(change)
      return try #require(dataError { () throws(DataError) in try Recording(wav: bytes, file: "a.wav") }).description
    }
    #expect(
      try fault { put(0, at: 24, &$0) }
        == "a.wav: the header says that there are 0 samples a second; export the recording with the right sample rate")
    #expect(try fault { $0[22] = 0 }.contains("there are 0 channels"))
    #expect(
      try fault {
        $0[34] = 13
        $0[20] = 3
      }.contains("a sample has 13 bits, which its format 3 has not"))
    // 16 bits in four bytes a sample, by two numbers that agree.
    #expect(
      try fault {
        $0[32] = 4
        put(32_000, at: 28, &$0)
      } == "a.wav: the header says that a sample of all channels has 4 bytes, and by its 16 bits it has 2; "
        + "export the recording again")
    #expect(try fault { put(1 << 20 + 1, at: 24, &$0) }.contains("samples a second"))
    #expect(try fault { $0[20] = 85 }.contains("compressed by the method 85"))
    #expect(try fault { $0.removeSubrange(36...) }.contains("no part 'data'"))
    #expect(try fault { $0.removeSubrange(12..<36) }.contains("no part 'fmt '"))
    #expect(try fault { $0.removeSubrange(44...) }.contains("has no samples"))
    #expect(try fault { put(9999, at: 16, &$0) }.contains("9999 bytes"))
    #expect(
      dataError { () throws(DataError) in try Recording(contentsOf: fixturePath("sound/adpcm.wav")) }?.code
        == .unsupportedContent)
    let strange = try Recording([0, .nan, .infinity], sampleRate: 8).wav(.float32)
    #expect(
      dataError { () throws(DataError) in try Recording(wav: strange) }?.description
        == "sample 1 is nan, and no finite number; export the recording again")
  }

  @Test("of random bytes never end the program")
  func fuzzing() throws {
    let whole = try Recording(contentsOf: fixturePath("sound/extensible.wav")).count
    let original = try fixture("sound/extensible.wav")
    var seed: UInt64 = 1
    func random(_ bound: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % bound
    }
    for _ in 0..<3000 {
      var bytes = original
      for _ in 0...random(4) { bytes[random(min(80, bytes.count))] = UInt8(random(256)) }
      if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
      guard let recording = try? Recording(wav: bytes) else { continue }
      #expect(recording.count <= 2 * 6 * whole && recording.sampleRate > 0)
    }
  }
}

@Suite("Sound files that are no WAV") struct FFmpegTests {
  /// A program in place of ffmpeg.
  private func withProgram(_ script: String, _ body: (_ program: String, _ file: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let (program, file) = (folder + "/ffmpeg", folder + "/sound.mp3")
      try ("#!/bin/sh\n" + script).write(toFile: program, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      try "ID3 no sound at all".write(toFile: file, atomically: true, encoding: .utf8)
      try body(program, file)
    }
  }

  @Test("come from ffmpeg through a pipe, however much it says on the side")
  func pipe() throws {
    let sound = fixturePath("sound/float32.wav")
    try withProgram(
      """
      i=0; while [ $i -lt 3000 ]; do echo "a warning of ffmpeg, number $i, that nobody reads" >&2; i=$((i+1)); done
      cat '\(sound)'
      """
    ) { program, file in
      let recording = try Recording(contentsOf: file, ffmpeg: program)
      let wanted = try Recording(contentsOf: sound)
      #expect(recording.channels == wanted.channels && recording.sampleRate == wanted.sampleRate)
      // The last of its words stays as a note.
      #expect(
        recording.notes == ["ffmpeg complains of it: a warning of ffmpeg, number 2999, that nobody reads"])
    }
    try withProgram("cat '\(sound)'") { program, file in
      let (found, known) = (try Recording(contentsOf: file, ffmpeg: program), try Recording(contentsOf: sound))
      #expect(found == known)
    }
  }

  @Test("are not given to ffmpeg for a request, as a list of files would have it open them")
  func requests() throws {
    try withProgram("cat '\(fixturePath("sound/float32.wav"))'") { program, file in
      let error = FileAccess.$allowed.withValue([file]) { () -> DataError? in
        do throws(DataError) { _ = try Recording(contentsOf: file, ffmpeg: program) } catch { return error }
        return nil
      }
      #expect(error?.code == .unsupportedContent && error?.remedy == "save the recording as WAV")
    }
  }

  @Test("come from ffmpeg though a program that it started goes on and holds its pipe open")
  func heldPipe() throws {
    let sound = fixturePath("sound/float32.wav")
    try withProgram("sleep 20 >/dev/null &\necho 'odd' >&2; cat '\(sound)'") { program, file in
      let start = ContinuousClock.now
      let recording = try Recording(contentsOf: file, ffmpeg: program)
      #expect(recording.notes == ["ffmpeg complains of it: odd"])
      #expect(ContinuousClock.now - start < .seconds(10))
    }
  }

  @Test("are refused where ffmpeg is not there, finds nothing, or ends half way")
  func refused() throws {
    func fault(_ file: String, _ program: String?) -> DataError? {
      dataError { () throws(DataError) in try FFmpeg(path: program).recording(file) }
    }
    let sound = fixturePath("sound/float32.wav")
    try withProgram("head -c 100 '\(sound)'; echo 'x.mp3: Invalid data' >&2; exit 183") { program, file in
      let error = try #require(fault(file, program))
      #expect(error.code == .damagedFile, "\(error)")
      #expect(error.description.contains("ended half way (x.mp3: Invalid data)"))
      #expect(fault(file, "/nowhere/ffmpeg")?.code == .unsupportedContent)
      #expect(!error.description.contains("\n"))
    }
    try withProgram("echo 'sound.mp3: Invalid data found when processing input' >&2; exit 1") { program, file in
      #expect(fault(file, program)?.code == .wrongFormat)
    }
    try withProgram("exit 0") { program, file in #expect(fault(file, program)?.code == .wrongFormat) }
    try withTemporaryFolder { folder in
      #expect(dataError { () throws(DataError) in try Recording(contentsOf: folder + "/x.wav") }?.code == .missingFile)
      #expect(dataError { () throws(DataError) in try Recording(contentsOf: folder) }?.code == .isDirectory)
      try "".write(toFile: folder + "/empty.wav", atomically: true, encoding: .utf8)
      #expect(
        dataError { () throws(DataError) in try Recording(contentsOf: folder + "/empty.wav") }?.code == .emptyFile)
    }
  }
}
