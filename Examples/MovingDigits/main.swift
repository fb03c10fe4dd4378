// Makes clips of moving digits from the images of an IDX file, such as those of MNIST, also packed by gzip.
//
//   MovingDigits IMAGES OUT.npy [--labels LABELS] [--clips N] [--frames N] [--side N] [--seed N]
//
// Without labels: two digits that bounce off the borders (Moving MNIST), in an array [clips, frames, rows, columns].
// With labels: one digit that goes straight on, and beside the array a table OUT.csv that says of each clip which digit
// it is, in which direction it goes and how fast.
import Foundation
import RefrainData

func run() throws {
  var words = Array(CommandLine.arguments.dropFirst())
  var options: [String: String] = [:]
  while let place = words.firstIndex(where: { $0.hasPrefix("--") }), place + 1 < words.count {
    options[words[place]] = words[place + 1]
    words.removeSubrange(place...place + 1)
  }
  func number(_ name: String, _ standard: Int) -> Int { options[name].flatMap { Int($0) } ?? standard }
  let areKnown = options.allSatisfy { name, text in
    switch name {
    case "--labels": true
    case "--clips", "--frames", "--side": Int(text).map { $0 > 0 } ?? false
    case "--seed": Int(text).map { $0 >= 0 } ?? false
    default: false
    }
  }
  guard areKnown, words.count == 2, words[1].hasSuffix(".npy") else {
    print("MovingDigits IMAGES OUT.npy [--labels LABELS] [--clips N] [--frames N] [--side N] [--seed N]")
    exit(64)
  }
  let labels = try options["--labels"].map { path throws(DataError) in try IDXArray(contentsOf: path) }
  var source = try MovingDigits(
    images: IDXArray(contentsOf: words[0]), labels: labels, side: number("--side", 64),
    frames: number("--frames", labels == nil ? 20 : 10), seed: UInt64(number("--seed", 1)))
  var clips: [Clip] = []
  var table = "clip,digit,direction,speed\n"
  let name = URL(filePath: words[1]).lastPathComponent
  for place in 0..<number("--clips", 1000) {
    guard labels != nil else {
      clips.append(source.bouncing())
      continue
    }
    let (clip, digit, direction, speed) = source.crossing()
    clips.append(clip)
    table += "\(name)#\(place),\(digit),\(direction),\(speed)\n"
  }
  try writeAtomically(Clip.npy(clips), to: words[1])
  if labels != nil { try writeAtomically(table, to: String(words[1].dropLast(4)) + ".csv") }
}

do { try run() } catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(65)
}
