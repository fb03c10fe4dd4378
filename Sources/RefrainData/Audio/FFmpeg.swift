import Foundation
import Synchronization

/// The program `ffmpeg`, which reads the sound of files that are no WAV: its output comes through a pipe.
struct FFmpeg {
  /// Where it is; nil where it is not installed.
  let path: String?

  /// - Parameter path: Where it is; nil looks for it in the folders of `PATH`.
  init(path: String? = nil) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    self.path = path ?? folders.map { "\($0)/ffmpeg" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The sound of a file, all channels, at its own rate.
  ///
  /// - Throws: `unsupportedContent` where the program is not installed; `wrongFormat` with its words where it finds no
  ///   sound; `damagedFile` where it ends half way.
  func recording(_ file: String) throws(DataError) -> Recording {
    guard let path else {
      throw DataError(
        .unsupportedContent, file: file, "this is no WAV file, and ffmpeg, which reads others, is not installed",
        remedy: "install ffmpeg, or save the recording as WAV")
    }
    let process = Process()
    process.executableURL = URL(filePath: path)
    // A name that begins with a minus sign, or looks like an address, is still a file.
    process.arguments = [
      "-nostdin", "-v", "error", "-i", "file:" + file, "-vn", "-f", "wav", "-acodec", "pcm_f32le", "-",
    ]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch {
      throw DataError(
        .unsupportedContent, file: file, "ffmpeg cannot be started: \(error.localizedDescription)",
        remedy: "install it anew, or save the recording as WAV")
    }
    // What it complains of is read beside its sound: a full pipe would let it wait for ever.
    let complaints = Complaints()
    let finished = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      while true {
        let part = errors.fileHandleForReading.availableData
        if part.isEmpty { break }
        complaints.add(part)
      }
      finished.signal()
    }
    var bytes: [UInt8] = []
    let budget = MemoryBudget.current
    while true {
      let part = output.fileHandleForReading.availableData
      if part.isEmpty { break }
      do throws(DataError) { try budget.take(part.count, for: "the recording") } catch {
        process.terminate()
        throw error.inFile(file)
      }
      bytes += part
    }
    let isWhole = Self.endsWell(process)
    // A program that it started may hold the pipe open for ever.
    _ = finished.wait(timeout: .now() + 1)
    let words = complaints.lastLine
    guard isWhole else {
      guard WAVReader.isWAV(bytes) else {
        throw DataError(
          .wrongFormat, file: file, "ffmpeg finds no sound in it" + (words.map { " (\($0))" } ?? ""),
          remedy: "name a sound file")
      }
      throw DataError(
        .damagedFile, file: file, "ffmpeg ended half way" + (words.map { " (\($0))" } ?? ""),
        remedy: "record or save it again")
    }
    guard WAVReader.isWAV(bytes) else {
      throw DataError(.wrongFormat, file: file, "ffmpeg finds no sound in it", remedy: "name a sound file")
    }
    var recording = try Recording(wav: bytes, file: file)
    // A pipe's header never says how long it is, which is nothing to note.
    recording.notes = words.map { ["ffmpeg complains of it: \($0)"] } ?? []
    return recording
  }

  /// Waits until a program has ended, and says whether it did so without an error.
  private static func endsWell(_ process: Process) -> Bool {
    #if os(Linux)
      // Foundation also waits for the programs that it started.
      var info = siginfo_t()
      while true {
        if waitid(P_PID, id_t(process.processIdentifier), &info, WEXITED | WNOWAIT) == 0 {
          return info.si_code == CLD_EXITED && info._sifields._sigchld.si_status == 0
        }
        guard errno == EINTR else { break }
      }
    #endif
    process.waitUntilExit()
    return process.terminationReason == .exit && process.terminationStatus == 0
  }
}

/// The end of what a program complains of, which one thread reads and another asks for.
private final class Complaints: Sendable {
  private let bytes = Mutex<Data>(Data())

  func add(_ part: Data) { bytes.withLock { $0 = ($0 + part).suffix(4096) } }

  var lastLine: String? {
    let text = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).last.map { String($0).shortened }
  }
}
