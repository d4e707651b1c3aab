using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Insula.Benchmarks;

/// <summary>The floor under every durable figure: 1 KB written and fdatasync'ed, again and again, on the same disk.</summary>
internal sealed partial class RawDisk(string folder) : IDisposable
{
    private readonly SafeFileHandle _file = File.OpenHandle(Path.Combine(folder, "floor"), FileMode.Create, FileAccess.Write);
    private readonly byte[] _block = new byte[1024];
    private long _length;

    public Task<long> SyncForAsync(TimeSpan slice) => Task.Run(() =>
    {
        var began = TimeProvider.System.GetTimestamp();
        long count = 0;
        while (TimeProvider.System.GetElapsedTime(began) < slice)
        {
            RandomAccess.Write(_file, _block, _length);
            _length += _block.Length;
            if (fdatasync(_file.DangerousGetHandle().ToInt32()) != 0) throw new IOException("fdatasync failed.");
            count++;
        }

        return count;
    });

    public void Dispose() => _file.Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int fd);
}
